/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Kerberos handshake with mutual authentication takes in libkrb5 alone: AP-REQ and AP-REP
 * made and read, with subkeys on both sides and the replay cache, over one ticket and one key that
 * are at hand. No tokens, no names, no bindings.
 *
 *   krb5_handshake SERVICE SECONDS
 *
 * SERVICE is a principal (HTTP/host); its ticket is in the ticket cache, its key in the keytab.
 */
#include <krb5.h>

#include "clock.h"

struct bench {
    krb5_context krb5;
    krb5_creds *ticket;
    krb5_principal service;
    krb5_keytab keys; /* MEMORY */
};

static bool failed(const char *what, krb5_error_code error)
{
    if (error)
        fprintf(stderr, "%s: %s\n", what, error_message(error));
    return error != 0;
}

static krb5_error_code exchange(struct bench *bench, krb5_auth_context *client,
                                krb5_auth_context *server, krb5_data *request, krb5_data *reply)
{
    krb5_context krb5 = bench->krb5;
    krb5_ap_rep_enc_part *part = NULL;
    krb5_data empty = {0};

    krb5_error_code error = krb5_auth_con_init(krb5, client);
    if (!error)
        error = krb5_auth_con_init(krb5, server);
    if (!error)
        error = krb5_auth_con_setflags(krb5, *client, KRB5_AUTH_CONTEXT_DO_SEQUENCE);
    if (!error)
        error = krb5_mk_req_extended(krb5, client, AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED,
                                     &empty, bench->ticket, request);
    if (!error) /* DO_TIME has the replay cache asked */
        error = krb5_auth_con_setflags(krb5, *server, KRB5_AUTH_CONTEXT_DO_TIME);
    if (!error)
        error = krb5_rd_req(krb5, server, request, bench->service, bench->keys, NULL, NULL);
    if (!error)
        error = krb5_auth_con_setflags(
            krb5, *server, KRB5_AUTH_CONTEXT_DO_SEQUENCE | KRB5_AUTH_CONTEXT_USE_SUBKEY);
    if (!error)
        error = krb5_mk_rep(krb5, *server, reply);
    if (!error)
        error = krb5_rd_rep(krb5, *client, reply, &part);
    krb5_free_ap_rep_enc_part(krb5, part);
    return error;
}

static bool handshake(void *state)
{
    struct bench *bench = state;
    krb5_auth_context client = NULL, server = NULL;
    krb5_data request = {0}, reply = {0};
    krb5_error_code error = exchange(bench, &client, &server, &request, &reply);
    krb5_free_data_contents(bench->krb5, &request);
    krb5_free_data_contents(bench->krb5, &reply);
    krb5_auth_con_free(bench->krb5, client);
    krb5_auth_con_free(bench->krb5, server);
    return !failed("handshake", error);
}

static krb5_error_code find_ticket(struct bench *bench)
{
    krb5_ccache cache;
    krb5_creds wanted = {.server = bench->service};
    krb5_error_code error = krb5_cc_default(bench->krb5, &cache);
    if (!error)
        error = krb5_cc_get_principal(bench->krb5, cache, &wanted.client);
    if (!error)
        error = krb5_get_credentials(bench->krb5, 0, cache, &wanted, &bench->ticket);
    return error;
}

static krb5_error_code find_key(struct bench *bench)
{
    krb5_keytab file;
    krb5_keytab_entry entry;
    krb5_error_code error = krb5_kt_default(bench->krb5, &file);
    if (!error)
        error = krb5_kt_get_entry(bench->krb5, file, bench->service, 0,
                                  bench->ticket->keyblock.enctype, &entry);
    if (!error)
        error = krb5_kt_resolve(bench->krb5, "MEMORY:bench", &bench->keys);
    if (!error)
        error = krb5_kt_add_entry(bench->krb5, bench->keys, &entry);
    return error;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};

    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVICE SECONDS\n", argv[0]);
        return 3;
    }
    if (failed("krb5_init_context", krb5_init_context(&bench.krb5)) ||
        failed(argv[1], krb5_parse_name(bench.krb5, argv[1], &bench.service)) ||
        failed("ticket", find_ticket(&bench)) || failed("key", find_key(&bench)))
        return EXIT_FAILURE;
    return bench_loop(handshake, &bench, atof(argv[2]));
}
