/* SPDX-License-Identifier: Apache-2.0
 *
 * The same as handshake.c for a GSSAPI library: MIT Kerberos, or gss-ntlmssp as its plugin.
 *
 *   gss_handshake krb5|ntlm|spnego-krb5|spnego-ntlm TARGET [[sign]SIZE] SECONDS
 *
 * TARGET is a host-based name (HTTP@host). Credentials are the process's own: a ticket cache and
 * keytab, or NTLM_USER_FILE. Messages go through gss_wrap_iov in place where the mechanism has it.
 */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <string.h>

#include "clock.h"

enum {
    MOST_LEGS = 10,
    MOST_HEADER = 1024
};

struct bench {
    gss_OID mechanism;
    gss_name_t target;
    gss_cred_id_t initiates;
    gss_cred_id_t accepts;
    gss_ctx_id_t initiator;
    gss_ctx_id_t acceptor;
    bool in_place;
    char *plain;
    char *sealed;
    size_t size;
    char header[MOST_HEADER];
    char trailer[MOST_HEADER];
    size_t header_size; /* asked once, as an SSPI caller asks SIZES once */
    size_t trailer_size;
};

static gss_OID_desc krb5 = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static gss_OID_desc ntlm = {10, "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
static gss_OID_desc spnego = {6, "\x2b\x06\x01\x05\x05\x02"};

static bool failed(const char *what, OM_uint32 major, OM_uint32 minor)
{
    fprintf(stderr, "%s: major 0x%08x minor 0x%08x\n", what, major, minor);
    return false;
}

static bool connect_sides(struct bench *bench)
{
    OM_uint32 minor, first = GSS_S_CONTINUE_NEEDED, second = GSS_S_CONTINUE_NEEDED;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |
                      GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    for (int n = 0;
         n < MOST_LEGS && (first == GSS_S_CONTINUE_NEEDED || second == GSS_S_CONTINUE_NEEDED);
         n++) {
        if (first == GSS_S_CONTINUE_NEEDED) {
            first = gss_init_sec_context(&minor, bench->initiates, &bench->initiator, bench->target,
                                         bench->mechanism, flags, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                         &answer, NULL, &token, NULL, NULL);
            gss_release_buffer(&(OM_uint32){0}, &answer);
            if (GSS_ERROR(first))
                return failed("gss_init_sec_context", first, minor);
        }
        if (second == GSS_S_CONTINUE_NEEDED) {
            second = gss_accept_sec_context(&minor, &bench->acceptor, bench->accepts, &token,
                                            GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &answer, NULL,
                                            NULL, NULL);
            gss_release_buffer(&(OM_uint32){0}, &token);
            if (GSS_ERROR(second))
                return failed("gss_accept_sec_context", second, minor);
        }
    }
    gss_release_buffer(&minor, &token);
    gss_release_buffer(&minor, &answer);
    return first == GSS_S_COMPLETE && second == GSS_S_COMPLETE;
}

static bool handshake(void *state)
{
    struct bench *bench = state;
    OM_uint32 minor;
    if (!connect_sides(bench))
        return false;
    gss_delete_sec_context(&minor, &bench->initiator, GSS_C_NO_BUFFER);
    gss_delete_sec_context(&minor, &bench->acceptor, GSS_C_NO_BUFFER);
    return true;
}

static bool ask_sizes(struct bench *bench)
{
    /* gss_wrap_iov_length clears the pointers it is given, so these are thrown away */
    gss_iov_buffer_desc iov[3] = {{GSS_IOV_BUFFER_TYPE_HEADER, {0, NULL}},
                                  {GSS_IOV_BUFFER_TYPE_DATA, {bench->size, bench->sealed}},
                                  {GSS_IOV_BUFFER_TYPE_TRAILER, {0, NULL}}};
    OM_uint32 minor,
        major = gss_wrap_iov_length(&minor, bench->initiator, 1, GSS_C_QOP_DEFAULT, NULL, iov, 3);
    bench->header_size = iov[0].buffer.length;
    bench->trailer_size = iov[2].buffer.length;
    if (major != GSS_S_COMPLETE || bench->header_size > MOST_HEADER ||
        bench->trailer_size > MOST_HEADER)
        return failed("gss_wrap_iov_length", major, minor);
    return true;
}

static bool message_in_place(struct bench *bench)
{
    memcpy(bench->sealed, bench->plain, bench->size);
    gss_iov_buffer_desc iov[3] = {
        {GSS_IOV_BUFFER_TYPE_HEADER, {bench->header_size, bench->header}},
        {GSS_IOV_BUFFER_TYPE_DATA, {bench->size, bench->sealed}},
        {GSS_IOV_BUFFER_TYPE_TRAILER, {bench->trailer_size, bench->trailer}}};
    OM_uint32 minor,
        major = gss_wrap_iov(&minor, bench->initiator, 1, GSS_C_QOP_DEFAULT, NULL, iov, 3);
    if (major != GSS_S_COMPLETE)
        return failed("gss_wrap_iov", major, minor);
    major = gss_unwrap_iov(&minor, bench->acceptor, NULL, NULL, iov, 3);
    if (major != GSS_S_COMPLETE)
        return failed("gss_unwrap_iov", major, minor);
    return bench->sealed[0] == bench->plain[0] &&
           bench->sealed[bench->size - 1] == bench->plain[bench->size - 1];
}

static bool message_copied(struct bench *bench)
{
    gss_buffer_desc plain = {bench->size, bench->plain}, sealed, opened;
    OM_uint32 minor,
        major = gss_wrap(&minor, bench->initiator, 1, GSS_C_QOP_DEFAULT, &plain, NULL, &sealed);
    if (major != GSS_S_COMPLETE)
        return failed("gss_wrap", major, minor);
    major = gss_unwrap(&minor, bench->acceptor, &sealed, &opened, NULL, NULL);
    gss_release_buffer(&(OM_uint32){0}, &sealed);
    if (major != GSS_S_COMPLETE)
        return failed("gss_unwrap", major, minor);
    bool equal = opened.length == bench->size;
    gss_release_buffer(&minor, &opened);
    return equal;
}

static bool signature(void *state)
{
    struct bench *bench = state;
    gss_buffer_desc text = {bench->size, bench->plain}, token;
    OM_uint32 minor,
        major = gss_get_mic(&minor, bench->initiator, GSS_C_QOP_DEFAULT, &text, &token);
    if (major != GSS_S_COMPLETE)
        return failed("gss_get_mic", major, minor);
    major = gss_verify_mic(&minor, bench->acceptor, &text, &token, NULL);
    gss_release_buffer(&(OM_uint32){0}, &token);
    return major == GSS_S_COMPLETE || failed("gss_verify_mic", major, minor);
}

static bool message(void *state)
{
    struct bench *bench = state;
    return bench->in_place ? message_in_place(bench) : message_copied(bench);
}

/* Whether a context is of the mechanism it is said to be: SPNEGO chooses by what credentials it
 * finds. */
static bool proven(struct bench *bench, const char *mechanism)
{
    gss_OID wanted = strstr(mechanism, "ntlm") ? &ntlm : &krb5, found = GSS_C_NO_OID;
    OM_uint32 minor, major;
    if (!connect_sides(bench))
        return false;
    major =
        gss_inquire_context(&minor, bench->acceptor, NULL, NULL, NULL, &found, NULL, NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed("gss_inquire_context", major, minor);
    if (found->length != wanted->length ||
        memcmp(found->elements, wanted->elements, found->length) != 0) {
        fprintf(stderr, "the context is not of %s\n", mechanism);
        return false;
    }
    gss_delete_sec_context(&minor, &bench->initiator, GSS_C_NO_BUFFER);
    gss_delete_sec_context(&minor, &bench->acceptor, GSS_C_NO_BUFFER);
    return true;
}

static bool prepare(struct bench *bench, const char *mechanism, char *target)
{
    bench->mechanism = strcmp(mechanism, "krb5") == 0   ? &krb5
                       : strcmp(mechanism, "ntlm") == 0 ? &ntlm
                                                        : &spnego;
    bench->in_place = bench->mechanism != &ntlm;
    gss_buffer_desc name = {strlen(target), target};
    gss_OID_set_desc wanted = {1, bench->mechanism};
    OM_uint32 minor,
        major = gss_import_name(&minor, &name, GSS_C_NT_HOSTBASED_SERVICE, &bench->target);
    if (major != GSS_S_COMPLETE)
        return failed("gss_import_name", major, minor);
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &wanted, GSS_C_INITIATE, &bench->initiates,
                             NULL, NULL);
    if (major != GSS_S_COMPLETE)
        return failed("gss_acquire_cred initiate", major, minor);
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &wanted, GSS_C_ACCEPT, &bench->accepts, NULL,
                             NULL);
    return major == GSS_S_COMPLETE || failed("gss_acquire_cred accept", major, minor);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s krb5|ntlm|spnego-krb5|spnego-ntlm TARGET [[sign]SIZE] SECONDS\n",
                argv[0]);
        return 3;
    }
    struct bench bench = {0};
    if (!prepare(&bench, argv[1], argv[2]) || !proven(&bench, argv[1]))
        return EXIT_FAILURE;
    double seconds = atof(argv[argc - 1]);
    if (argc == 4)
        return bench_loop(handshake, &bench, seconds);
    bool signs = strncmp(argv[3], "sign", 4) == 0;
    bench.size = strtoul(argv[3] + (signs ? 4 : 0), NULL, 10);
    bench.plain = malloc(bench.size);
    bench.sealed = malloc(bench.size);
    if (!bench.plain || !bench.sealed || !connect_sides(&bench))
        return EXIT_FAILURE;
    memset(bench.plain, 'x', bench.size);
    if (bench.in_place && !ask_sizes(&bench))
        return EXIT_FAILURE;
    return bench_loop(signs ? signature : message, &bench, seconds);
}
