/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes of contexts and credentials, and the token of a context.
 */
#include <string.h>

#include "attributes.h"
#include "out_parameters.h"

void call_query_attributes(struct request *r)
{
    bool of_credential = strcmp(r->call, "QueryCredentialsAttributes") == 0;
    query_attribute_fn function = of_credential ? r->functions->QueryCredentialsAttributes
                                                : r->functions->QueryContextAttributes;
    struct handle_argument handle;
    const struct attribute_layout *layout;

    if (of_credential)
        request_credential(r, &handle);
    else
        request_context(r, &handle);
    uint32_t attribute = attribute_read(r, of_credential, &layout);
    bool without_buffer = request_says_null(r, "pBuffer");
    if (!request_ready(r))
        return;
    unsigned char *structure = arena_alloc(r->arena, ATTRIBUTE_ROOM);
    memset(structure, PATTERN_BYTE, ATTRIBUTE_ROOM);
    call_begin(r);
    SECURITY_STATUS status = function(handle.pointer, attribute, without_buffer ? NULL : structure);
    call_end(r, status);
    answer_status(r);
    if (!without_buffer)
        attribute_answer(r, layout, structure);
}

void call_set_attributes(struct request *r)
{
    struct handle_argument handle;
    const struct attribute_layout *layout;
    size_t size;

    request_context(r, &handle);
    uint32_t attribute = attribute_read(r, false, &layout);
    unsigned char *bytes = request_hex(r, r->object, "hex", &size);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status =
        r->functions->SetContextAttributes(handle.pointer, attribute, bytes, (uint32_t)size);
    call_end(r, status);
    answer_status(r);
}

void call_query_token(struct request *r)
{
    struct handle_argument handle;
    void *token;

    request_context(r, &handle);
    bool without_token = request_says_null(r, "Token");
    if (!request_ready(r))
        return;
    memset(&token, PATTERN_BYTE, sizeof token);
    const void *before = token;
    call_begin(r);
    SECURITY_STATUS status =
        r->functions->QuerySecurityContextToken(handle.pointer, without_token ? NULL : &token);
    call_end(r, status);
    answer_status(r);
    write_key(r->out, "Token");
    write_open(r->out, '{');
    write_key(r->out, without_token ? "absent" : "written");
    write_bool(r->out, without_token || token != before);
    write_close(r->out, '}');
}
