/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: SPNEGO tokens, framed or not. What was decoded lies inside the token, and encoded
 * again it decodes the same.
 */
#include "fuzz.h"
#include "negotiate/der.h"

static void init(struct sspi_view token)
{
    struct neg_init read = {0}, again = {0};
    struct sspi_blob built = {NULL, 0};
    struct sspi_view mechs, oid, inner;
    neg_init_decode(token, NEG_TRAILING_IGNORED, &read);
    memset(&read, 0, sizeof read);
    if (!neg_init_decode(token, NEG_TRAILING_REFUSED, &read))
        return;
    fuzz_inside(read.mech_types, token);
    fuzz_inside(read.mech_token, token);
    fuzz_inside(read.mic, token);
    mechs = neg_mechs(read.mech_types);
    fuzz_inside(mechs, token);
    while (neg_next_mech(&mechs, &oid))
        fuzz_inside(oid, token);
    MUST(!mechs.size);
    if (!read.mech_types.size)
        return; /* a list is never left out when encoding */
    MUST(neg_init_encode(&read, &built));
    MUST(neg_unframe(sspi_blob_view(&built), &oid, &inner));
    MUST(neg_init_decode(inner, NEG_TRAILING_REFUSED, &again));
    MUST(fuzz_same(again.mech_types, read.mech_types) &&
         fuzz_same(again.mech_token, read.mech_token) && again.hint == read.hint);
    sspi_blob_free(&built);
}

static void resp(struct sspi_view token)
{
    struct neg_resp read = {0}, again = {0};
    struct sspi_blob built = {NULL, 0};
    neg_resp_decode(token, NEG_TRAILING_IGNORED, &read);
    memset(&read, 0, sizeof read);
    if (!neg_resp_decode(token, NEG_TRAILING_REFUSED, &read))
        return;
    fuzz_inside(read.supported_mech, token);
    fuzz_inside(read.token, token);
    fuzz_inside(read.mic, token);
    MUST(neg_resp_encode(&read, &built));
    MUST(neg_resp_decode(sspi_blob_view(&built), NEG_TRAILING_REFUSED, &again));
    MUST(again.state == read.state && fuzz_same(again.supported_mech, read.supported_mech) &&
         fuzz_same(again.token, read.token) && fuzz_same(again.mic, read.mic));
    sspi_blob_free(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sspi_view token = {data, size}, oid = {NULL, 0}, inner = {NULL, 0};
    init(token);
    resp(token);
    if (neg_unframe(token, &oid, &inner)) {
        fuzz_inside(oid, token);
        fuzz_inside(inner, token);
        init(inner);
    }
    return 0;
}
