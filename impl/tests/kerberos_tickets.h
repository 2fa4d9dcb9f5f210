/* SPDX-License-Identifier: Apache-2.0
 *
 * A Kerberos world without a KDC: a keytab with a service key made here, and a ticket cache with
 * tickets that are encrypted here, as a KDC would. For tests and fuzz targets.
 */
#ifndef LIBSSPI_TESTS_KERBEROS_TICKETS_H
#define LIBSSPI_TESTS_KERBEROS_TICKETS_H

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORLD_REALM "WORLD.TEST"
#define WORLD_SERVICE "HTTP/web.world.test"
#define WORLD_CLIENT "alice@WORLD.TEST"

/* Exported by libkrb5, but in no header of it. */
krb5_error_code encode_krb5_enc_tkt_part(const krb5_enc_tkt_part *part, krb5_data **out);
krb5_error_code encode_krb5_ticket(const krb5_ticket *ticket, krb5_data **out);

struct world {
    char folder[64];
    krb5_context krb5;
    krb5_keyblock key; /* of the service */
    time_t start, end; /* of the ticket */
    krb5_flags ticket_flags;
    krb5_authdata **authorization; /* into the ticket; the test's own */
};

static char *world_path(const struct world *world, const char *file)
{
    static char path[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", world->folder, file);
    return path[next];
}

static void world_must(krb5_error_code error, const char *what)
{
    if (error) {
        fprintf(stderr, "fixture: %s: %s\n", what, error_message(error));
        abort();
    }
}
#define WORLD_MUST(call) world_must((call), #call)

static void world_name(const struct world *world, const char *variable, const char *file)
{
    char value[160];
    snprintf(value, sizeof value, "FILE:%s", world_path(world, file));
    setenv(variable, value, 1);
}

static void world_keytab(struct world *world)
{
    krb5_keytab keytab;
    krb5_keytab_entry entry = {.vno = 1, .key = world->key};
    unlink(world_path(world, "keytab"));
    WORLD_MUST(krb5_kt_default(world->krb5, &keytab));
    WORLD_MUST(krb5_parse_name(world->krb5, WORLD_SERVICE "@" WORLD_REALM, &entry.principal));
    WORLD_MUST(krb5_kt_add_entry(world->krb5, keytab, &entry));
    krb5_free_principal(world->krb5, entry.principal);
    krb5_kt_close(world->krb5, keytab);
}

/* The service changes its key; tickets that are out stay encrypted in the old one. */
static inline void world_new_key(struct world *world)
{
    krb5_enctype enctype = world->key.enctype;
    krb5_free_keyblock_contents(world->krb5, &world->key);
    WORLD_MUST(krb5_c_make_random_key(world->krb5, enctype, &world->key));
    world_keytab(world);
}

/* What a KDC does: a ticket for the service, encrypted in its key. */
static void world_forge(struct world *world, krb5_creds *creds)
{
    krb5_transited transited = {.tr_type = 1};
    krb5_enc_tkt_part part = {.flags = (krb5_flags)world->ticket_flags,
                              .session = &creds->keyblock,
                              .client = creds->client,
                              .transited = transited,
                              .times = creds->times,
                              .authorization_data = world->authorization};
    krb5_ticket ticket = {.server = creds->server};
    krb5_data *plain = NULL, *whole = NULL;
    size_t size;

    WORLD_MUST(encode_krb5_enc_tkt_part(&part, &plain));
    WORLD_MUST(krb5_c_encrypt_length(world->krb5, world->key.enctype, plain->length, &size));
    ticket.enc_part.enctype = world->key.enctype;
    ticket.enc_part.kvno = 1;
    ticket.enc_part.ciphertext = (krb5_data){KV5M_DATA, (unsigned)size, malloc(size)};
    WORLD_MUST(krb5_c_encrypt(world->krb5, &world->key, KRB5_KEYUSAGE_KDC_REP_TICKET, NULL, plain,
                              &ticket.enc_part));
    WORLD_MUST(encode_krb5_ticket(&ticket, &whole));
    creds->ticket = *whole;
    free(whole);
    free(ticket.enc_part.ciphertext.data);
    explicit_bzero(plain->data, plain->length);
    krb5_free_data(world->krb5, plain);
}

/* Puts a ticket for that principal into the cache. */
static void world_ticket_for(struct world *world, krb5_ccache cache, const char *service)
{
    krb5_creds creds = {0};

    WORLD_MUST(krb5_parse_name(world->krb5, WORLD_CLIENT, &creds.client));
    WORLD_MUST(krb5_parse_name(world->krb5, service, &creds.server));
    creds.ticket_flags = world->ticket_flags;
    creds.times.authtime = creds.times.starttime = (krb5_timestamp)world->start;
    creds.times.endtime = (krb5_timestamp)world->end;
    WORLD_MUST(krb5_c_make_random_key(world->krb5, world->key.enctype, &creds.keyblock));
    world_forge(world, &creds);
    WORLD_MUST(krb5_cc_store_cred(world->krb5, cache, &creds));
    krb5_free_cred_contents(world->krb5, &creds);
}

static inline void world_tickets(struct world *world)
{
    krb5_ccache cache;
    krb5_principal client;
    char name[160];

    /* Like kinit: never half a cache under the name that others read. */
    snprintf(name, sizeof name, "FILE:%s", world_path(world, "cache.new"));
    WORLD_MUST(krb5_cc_resolve(world->krb5, name, &cache));
    WORLD_MUST(krb5_parse_name(world->krb5, WORLD_CLIENT, &client));
    WORLD_MUST(krb5_cc_initialize(world->krb5, cache, client));
    world_ticket_for(world, cache, WORLD_SERVICE "@" WORLD_REALM);
    krb5_cc_close(world->krb5, cache);
    krb5_free_principal(world->krb5, client);
    if (rename(world_path(world, "cache.new"), world_path(world, "cache")) != 0)
        abort();
}

/* A TGT beside the tickets, for an acceptor in user-to-user. Only its session key is of use. */
static inline void world_tgt(struct world *world)
{
    krb5_ccache cache;
    WORLD_MUST(krb5_cc_default(world->krb5, &cache));
    world_ticket_for(world, cache, "krbtgt/" WORLD_REALM "@" WORLD_REALM);
    krb5_cc_close(world->krb5, cache);
}

/* Puts a TGT of the client into the cache, and a ticket to the client in the key of that TGT: what
 * a KDC answers when the client asks for user-to-user with itself. */
static inline void world_user_to_user(struct world *world)
{
    static const char *const names[] = {"krbtgt/" WORLD_REALM "@" WORLD_REALM, WORLD_CLIENT};
    krb5_keyblock service = world->key;
    krb5_creds creds[2];
    krb5_ccache cache;

    WORLD_MUST(krb5_cc_default(world->krb5, &cache));
    memset(creds, 0, sizeof creds);
    for (int i = 0; i < 2; i++) {
        WORLD_MUST(krb5_parse_name(world->krb5, WORLD_CLIENT, &creds[i].client));
        WORLD_MUST(krb5_parse_name(world->krb5, names[i], &creds[i].server));
        creds[i].times.authtime = creds[i].times.starttime = (krb5_timestamp)world->start;
        creds[i].times.endtime = (krb5_timestamp)world->end;
        WORLD_MUST(krb5_c_make_random_key(world->krb5, service.enctype, &creds[i].keyblock));
        if (i == 1) {
            world->key = creds[0].keyblock;
            creds[i].is_skey = 1;
            creds[i].second_ticket = creds[0].ticket;
        }
        world_forge(world, &creds[i]);
        WORLD_MUST(krb5_cc_store_cred(world->krb5, cache, &creds[i]));
    }
    world->key = service;
    krb5_cc_close(world->krb5, cache);
    creds[1].second_ticket = (krb5_data){0};
    for (int i = 0; i < 2; i++)
        krb5_free_cred_contents(world->krb5, &creds[i]);
}

/* Sets KRB5_CONFIG, KRB5_KTNAME, KRB5CCNAME and the replay cache's folder. */
static inline void world_open(struct world *world, krb5_enctype enctype)
{
    *world = (struct world){.folder = "/tmp/libsspi-kerberos-XXXXXX"};
    if (!mkdtemp(world->folder))
        abort();
    FILE *config = fopen(world_path(world, "krb5.conf"), "w");
    if (!config)
        abort();
    fprintf(config,
            "[libdefaults]\n default_realm = " WORLD_REALM "\n dns_lookup_kdc = false\n"
            " dns_lookup_realm = false\n rdns = false\n dns_canonicalize_hostname = false\n"
            " allow_weak_crypto = true\n%s"
            "[realms]\n " WORLD_REALM " = { }\n"
            "[domain_realm]\n .world.test = " WORLD_REALM "\n",
            /* else both sides agree on a better subkey (RFC 4537) */
            enctype == ENCTYPE_ARCFOUR_HMAC ? " permitted_enctypes = rc4\n" : "");
    fclose(config);
    setenv("KRB5_CONFIG", world_path(world, "krb5.conf"), 1);
    setenv("KRB5RCACHEDIR", world->folder, 1);
    unsetenv("KRB5RCACHENAME");
    world_name(world, "KRB5_KTNAME", "keytab");
    world_name(world, "KRB5CCNAME", "cache");
    world->start = time(NULL) - 60;
    world->end = time(NULL) + 36000;
    world->ticket_flags = TKT_FLG_FORWARDABLE | TKT_FLG_PRE_AUTH;
    WORLD_MUST(krb5_init_context(&world->krb5));
    WORLD_MUST(krb5_c_make_random_key(world->krb5, enctype, &world->key));
    world_keytab(world);
    world_tickets(world);
}

static inline void world_close(struct world *world)
{
    char command[128];
    krb5_free_keyblock_contents(world->krb5, &world->key);
    krb5_free_context(world->krb5);
    snprintf(command, sizeof command, "rm -rf '%s'", world->folder);
    if (system(command) != 0)
        abort();
}

#endif
