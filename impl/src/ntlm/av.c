/* SPDX-License-Identifier: Apache-2.0
 *
 * AV_PAIR lists.
 */
#include "ntlm/av.h"

#include <string.h>

#include "ntlm/wire.h"

/* 0: any size. */
static size_t fixed_size(uint16_t id)
{
    switch (id) {
    case NTLM_AV_FLAGS:
        return 4;
    case NTLM_AV_TIMESTAMP:
        return 8;
    case NTLM_AV_BINDINGS:
        return 16;
    default:
        return 0;
    }
}

static bool keep(struct ntlm_av *av, uint16_t id, struct sspi_view value)
{
    size_t fixed = fixed_size(id);
    if (fixed && value.size != fixed)
        return false;
    /* Of flags every pair counts: a second one must not hide that there is a MIC (CVE-2019-1166).
     */
    if (id == NTLM_AV_FLAGS)
        av->flags |= ntlm_get32(value.data);
    if (id >= NTLM_AV_COUNT || av->present[id])
        return true; /* newer Windows may add pairs; a second one of a kind has no meaning */
    av->present[id] = true;
    av->value[id] = value;
    if (id == NTLM_AV_TIMESTAMP)
        av->timestamp = ntlm_get64(value.data);
    return true;
}

bool ntlm_av_read(struct sspi_view list, struct ntlm_av *av)
{
    memset(av, 0, sizeof *av);
    if (list.size == 0)
        return true;
    for (size_t at = 0; list.size - at >= NTLM_AV_HEADER;) {
        uint16_t id = ntlm_get16(list.data + at), size = ntlm_get16(list.data + at + 2);
        if (id == NTLM_AV_EOL) {
            av->body = (struct sspi_view){list.data, at};
            return size == 0;
        }
        at += NTLM_AV_HEADER;
        if (size > list.size - at || !keep(av, id, (struct sspi_view){list.data + at, size}))
            return false;
        at += size;
    }
    return false;
}

uint8_t *ntlm_av_put(uint8_t *at, enum ntlm_av_id id, const void *value, size_t size)
{
    ntlm_put16(at, (uint16_t)id);
    ntlm_put16(at + 2, (uint16_t)size);
    if (size)
        memcpy(at + NTLM_AV_HEADER, value, size);
    return at + NTLM_AV_HEADER + size;
}
