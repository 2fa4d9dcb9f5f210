/* SPDX-License-Identifier: Apache-2.0
 *
 * From a line to the handlers of its requests.
 */
#include <stdio.h>
#include <string.h>

#include "failalloc.h"
#include "platform.h"
#include "probe.h"
#include "request.h"

#define NO_FUNCTION ((size_t)-1)
#define CALL(name, handler)                                                                        \
    {                                                                                              \
#name, offsetof(struct functions, name), handler                                           \
    }

static const struct {
    const char *name;
    size_t member; /* the function it needs, in struct functions */
    call_handler handler;
} calls[] = {
    CALL(InitializeSecurityContext, call_initialize_context),
    CALL(AcceptSecurityContext, call_accept_context),
    CALL(EncryptMessage, call_protect),
    CALL(DecryptMessage, call_unprotect),
    CALL(MakeSignature, call_protect),
    CALL(VerifySignature, call_unprotect),
    CALL(AcquireCredentialsHandle, call_acquire_credentials),
    CALL(FreeCredentialsHandle, call_free_credentials),
    CALL(DeleteSecurityContext, call_delete_context),
    CALL(QueryContextAttributes, call_query_attributes),
    CALL(CompleteAuthToken, call_control_token),
    CALL(ApplyControlToken, call_control_token),
    CALL(EnumerateSecurityPackages, call_enumerate_packages),
    CALL(FreeContextBuffer, call_free_nothing),
    CALL(QuerySecurityPackageInfo, call_query_package),
    CALL(QueryCredentialsAttributes, call_query_attributes),
    CALL(QuerySecurityContextToken, call_query_token),
    CALL(ImpersonateSecurityContext, call_context_only),
    CALL(RevertSecurityContext, call_context_only),
    CALL(SetContextAttributes, call_set_attributes),
    {"hello", NO_FUNCTION, call_hello},
    {"pin", NO_FUNCTION, call_pin},
    {"heap", NO_FUNCTION, call_heap},
    {"system", NO_FUNCTION, call_system},
};

void call_begin(struct request *r)
{
    platform_running(r->call, r->id->text, r->id->length);
    if (r->counting)
        failalloc_arm(r->failing);
    r->started = platform_nanoseconds();
}

void call_end(struct request *r, SECURITY_STATUS status)
{
    r->ns = platform_nanoseconds() - r->started;
    if (r->counting)
        r->allocations = failalloc_disarm();
    r->status = status;
}

static void write_ns(struct request *r)
{
    write_key(r->out, "ns");
    write_unsigned(r->out, r->ns);
}

void answer_status(struct request *r)
{
    write_key(r->out, "status");
    write_mask(r->out, (uint32_t)r->status);
    write_ns(r);
    if (r->counting) {
        write_key(r->out, "allocations");
        write_unsigned(r->out, r->allocations);
    }
}

void answer_unsupported(struct request *r, const char *why)
{
    write_key(r->out, "unsupported");
    write_text(r->out, why);
    write_ns(r);
}

SECURITY_STATUS release_buffer(struct request *r, void *memory)
{
    SECURITY_STATUS status = SEC_E_UNSUPPORTED_FUNCTION;

    platform_running_also("FreeContextBuffer");
    if (r->functions->FreeContextBuffer)
        status = r->functions->FreeContextBuffer(memory);
    if (!r->freed || r->free_status == 0)
        r->free_status = status;
    r->freed = true;
    return status;
}

/* What every request may say. */
static void read_common(struct request *r)
{
    const struct json *failing = json_member(r->object, "failalloc");

    r->raw = request_bool(r, r->object, "raw");
    r->elsewhere = request_bool(r, r->object, "thread");
    r->counting = failing && failing->type != JSON_NULL;
    r->failing = request_u64(r, r->object, "failalloc", 0);
}

struct errand {
    call_handler handler;
    struct request *request;
};

static void run_handler(void *argument)
{
    const struct errand *errand = argument;
    errand->handler(errand->request);
}

/* The whole handler moves to the other thread: nothing else runs until it is back. */
static void handle(struct request *r, call_handler handler)
{
    struct errand errand = {handler, r};

    if (!r->elsewhere)
        handler(r);
    else if (!platform_on_a_thread(run_handler, &errand))
        request_error(r, "no thread could be started");
}

static void dispatch(struct request *r)
{
    struct json *name = request_string(r, r->object, "call", true);

    if (!name)
        return;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, name->text) != 0)
            continue;
        r->call = calls[i].name;
        read_common(r);
        if (r->error)
            return;
        if (calls[i].member != NO_FUNCTION && !functions_have(r->functions, calls[i].member))
            answer_unsupported(r, "the implementation has no such function");
        else if (r->counting && failalloc_unsupported())
            answer_unsupported(r, failalloc_unsupported());
        else
            handle(r, calls[i].handler);
        return;
    }
    answer_unsupported(r, "this probe has no such call");
}

/* The id, echoed; an object without a usable one is answered with null. */
static void answer_id(struct request *r)
{
    struct json *id = r->object->type == JSON_OBJECT ? request_take(r->object, "id") : NULL;

    write_key(r->out, "id");
    if (id && id->type == JSON_STRING) {
        write_string(r->out, id->text, id->length);
        r->id = id;
    } else if (id && id->type == JSON_NUMBER) {
        write_raw(r->out, id->text, id->length);
        r->id = id;
    } else {
        write_null(r->out);
    }
}

static void answer_request(struct probe *probe, struct json *object)
{
    struct request r = {.probe = probe,
                        .functions = &probe->functions,
                        .arena = &probe->arena,
                        .out = &probe->out,
                        .object = object,
                        .call = "the request"};

    write_open(r.out, '{');
    answer_id(&r);
    if (object->type != JSON_OBJECT)
        request_error(&r, "a request is an object");
    else if (!r.id)
        request_error(&r, "id is missing, or neither a whole number nor a string");
    else
        dispatch(&r);
    platform_running(NULL, NULL, 0);
    if (r.error) {
        write_key(r.out, "error");
        write_text(r.out, r.error);
        write_ns(&r);
    } else if (r.freed) {
        write_key(r.out, "free");
        write_mask(r.out, (uint32_t)r.free_status);
    }
    write_close(r.out, '}');
}

static void answer_malformed(struct probe *probe, const struct json_error *error)
{
    char text[128];

    snprintf(text, sizeof text, "not JSON at byte %lu: %s", (unsigned long)error->offset,
             error->what);
    write_open(&probe->out, '{');
    write_key(&probe->out, "id");
    write_null(&probe->out);
    write_key(&probe->out, "error");
    write_text(&probe->out, text);
    write_key(&probe->out, "ns");
    write_unsigned(&probe->out, 0);
    write_close(&probe->out, '}');
}

void probe_answer(struct probe *probe, char *text, size_t length)
{
    struct json_error error;
    struct json *line = json_parse(&probe->arena, text, length, &error);

    if (!line) {
        answer_malformed(probe, &error);
    } else if (line->type == JSON_ARRAY) {
        write_open(&probe->out, '[');
        for (struct json *item = line->first; item; item = item->next)
            answer_request(probe, item);
        write_close(&probe->out, ']');
    } else {
        answer_request(probe, line);
    }
    write_newline(&probe->out);
    arena_reset(&probe->arena);
}
