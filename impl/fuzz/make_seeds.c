/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes first inputs for the fuzz targets, made by the library itself under what world.h pins:
 *
 *   make_seeds FOLDER        FOLDER/fuzz-<target>/<name>
 *
 * seeds_of_vectors.py adds what the unit tests have of the specifications.
 */
#define _SEC_WINNT_AUTH_TYPES
#include <sspi.h>

#include "exchange.h"
#include "kerberos_tickets.h"
#include "negotiate/der.h"
#include "negotiate/mechs.h"
#include "ntlm/messages.h"
#include "repair.h"
#include "world.h"

static const char *folder;
static unsigned written;

static void write_seed(const char *target, struct sspi_view bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/fuzz-%s", folder, target);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/fuzz-%s/%04u", folder, target, written++);
    FILE *file = fopen(path, "wb");
    MUST(file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && fclose(file) == 0);
}

static void write_text(const char *target, const char *text)
{
    write_seed(target, (struct sspi_view){(const uint8_t *)text, strlen(text)});
}

/* ---- one exchange, all its tokens kept ------------------------------------------------------ */

struct kept {
    struct side client, server;
    uint8_t tokens[2][8][4096]; /* of the client, of the server */
    size_t sizes[2][8], counts[2];
};

static void acquire(const char *package, ULONG use, const char *user, CredHandle *credential)
{
    char domain[] = FUZZ_DOMAIN, password[] = FUZZ_PASSWORD, list[] = "!Kerberos";
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = (unsigned char *)(uintptr_t)user,
        .UserLength = (ULONG)strlen(user),
        .Domain = (unsigned char *)domain,
        .DomainLength = *user ? sizeof domain - 1 : 0,
        .Password = (unsigned char *)password,
        .PasswordLength = *user ? sizeof password - 1 : 0,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)list,
        .PackageListLength = sizeof list - 1,
    };
    MUST(AcquireCredentialsHandleA(NULL, (char *)(uintptr_t)package, use, NULL, &identity, NULL,
                                   NULL, credential, NULL) == SEC_E_OK);
}

static void keep(struct kept *kept, int which, const struct side *side)
{
    size_t n = kept->counts[which]++;
    MUST(n < 8 && side->size <= sizeof kept->tokens[0][0]);
    memcpy(kept->tokens[which][n], side->token, side->size);
    kept->sizes[which][n] = side->size;
}

static void play(struct kept *kept, const char *package, const char *user, ULONG req)
{
    static const char target[] = WORLD_SERVICE;
    memset(kept, 0, sizeof *kept);
    acquire(package, SECPKG_CRED_OUTBOUND, user, &kept->client.credential);
    acquire(package, SECPKG_CRED_INBOUND, FUZZ_USER, &kept->server.credential);
    fuzz_pin();
    leg(&kept->client, 1, target, req, NULL, 0);
    for (int n = 0; n < 6 && kept->client.status >= 0 && kept->client.size; n++) {
        keep(kept, 0, &kept->client);
        leg(&kept->server, 0, NULL, req, kept->client.token, kept->client.size);
        if (kept->server.status < 0 || !kept->server.size)
            break;
        keep(kept, 1, &kept->server);
        leg(&kept->client, 1, target, req, kept->server.token, kept->server.size);
    }
}

/* ---- what becomes of it ---------------------------------------------------------------------- */

static void token_seeds(const struct kept *kept)
{
    for (int which = 0; which < 2; which++) {
        for (size_t n = 0; n < kept->counts[which]; n++) {
            struct sspi_view token = {kept->tokens[which][n], kept->sizes[which][n]};
            struct sspi_view oid, inner;
            struct ntlm_challenge challenge;
            struct ntlm_authenticate authenticate;
            if (ntlm_message_type(token))
                write_seed("ntlm-messages", token);
            else
                write_seed("spnego", token);
            if (neg_unframe(token, &oid, &inner))
                write_seed("spnego", inner);
            if (ntlm_read_challenge(token, &challenge) == SEC_E_OK)
                write_seed("ntlm-av", challenge.target_info);
            if (ntlm_read_authenticate(token, &authenticate) == SEC_E_OK &&
                authenticate.nt.size > 44)
                write_seed("ntlm-av", (struct sspi_view){authenticate.nt.data + 44,
                                                         authenticate.nt.size - 44});
        }
    }
}

static uint8_t *put_record(uint8_t *at, uint8_t kind, const void *bytes, size_t size)
{
    *at++ = kind;
    *at++ = (uint8_t)size;
    *at++ = (uint8_t)(size >> 8);
    if (size)
        memcpy(at, bytes, size);
    return at + size;
}

/* As exchange.c reads it. kind: of all records. */
static void exchange_seed(const char *target, const struct kept *kept, int from, ULONG req,
                          uint8_t kind, uint8_t shape)
{
    static uint8_t seed[65536];
    uint8_t *at = seed;
    for (int n = 0; n < 8; n++)
        *at++ = (uint8_t)(req >> 8 * (n % 4));
    /* Bindings, and a policy; what was recorded was so with the first one. */
    uint8_t policy = kind == 0 || kind == 3 ? (uint8_t)(shape / 2 % 3 << 4) : 0;
    *at++ = policy | (shape & 1);
    *at++ = policy | (shape & 1);
    *at++ = shape >> 1 & 1; /* room */
    *at++ = shape;
    for (size_t n = 0; n < kept->counts[from]; n++) {
        bool raw = kind == 1 || kind == 2;
        at = put_record(at, kind, kept->tokens[from][n], raw ? kept->sizes[from][n] : 0);
        if (kind == 3) { /* the first 32 bytes, and the rest */
            at = put_record(at - 3, kind, "\x20\x00", 2);
            at = put_record(at, 0, NULL, 0);
        }
    }
    for (uint8_t n = 0; n < 4; n++) /* sealed, signed, both again with an altered byte */
        at = put_record(at, (uint8_t) !(n & 1), "\x05\x00\x01", n / 2 ? 3 : 0);
    write_seed(target, (struct sspi_view){seed, (size_t)(at - seed)});
}

static void exchanges(void)
{
    static struct kept kept;
    static const ULONG reqs[] = {
        0,
        ISC_REQ_CONNECTION,
        ISC_REQ_INTEGRITY,
        ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY | ISC_REQ_REPLAY_DETECT |
            ISC_REQ_SEQUENCE_DETECT,
        ISC_REQ_DATAGRAM | ISC_REQ_INTEGRITY,
        ISC_REQ_IDENTIFY,
        ISC_REQ_EXTENDED_ERROR | ISC_REQ_MUTUAL_AUTH,
    };
    static const char *const packages[2] = {"NTLM", "Negotiate"};
    for (size_t i = 0; i < 2 * sizeof reqs / sizeof reqs[0]; i++) {
        ULONG req = reqs[i / 2];
        char accept[32], initiate[32];
        snprintf(accept, sizeof accept, "accept-%s", i % 2 ? "negotiate" : "ntlm");
        snprintf(initiate, sizeof initiate, "initiate-%s", i % 2 ? "negotiate" : "ntlm");
        play(&kept, packages[i % 2], FUZZ_USER, req);
        MUST(i / 2 != 3 || (kept.client.status == SEC_E_OK && kept.server.status == SEC_E_OK));
        token_seeds(&kept);
        for (uint8_t kind = 0; kind < 4; kind++) {
            exchange_seed(accept, &kept, 0, req, kind, (uint8_t)i);
            exchange_seed(initiate, &kept, 1, req, kind, (uint8_t)i);
        }
        finish(&kept.client);
        finish(&kept.server);
    }
    play(&kept, "NTLM", "", ISC_REQ_INTEGRITY); /* anonymous */
    token_seeds(&kept);
    finish(&kept.client);
    finish(&kept.server);
}

/* An initiator that prefers what the acceptor does not have: reselection, with NTLM tokens taken
 * from an exchange without SPNEGO. */
static void reselection(void)
{
    static struct kept kept;
    static uint8_t seed[16384];
    static const uint8_t kerberos[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
    struct sspi_view oids[2] = {{kerberos, sizeof kerberos}, neg_mechs_known[NEG_MECH_NTLM].oid};
    struct sspi_blob list, token;
    uint8_t *at = seed + 12; /* nothing asked for */
    play(&kept, "NTLM", FUZZ_USER, 0);
    MUST(neg_mech_types_encode(oids, 2, &list));
    struct neg_init init = {.mech_types = sspi_blob_view(&list), .mech_token = {kerberos, 4}};
    MUST(neg_init_encode(&init, &token));
    at = put_record(at, 1, token.data, token.size);
    write_seed("spnego", sspi_blob_view(&token));
    sspi_blob_free(&token);
    for (size_t n = 0; n < kept.counts[0]; n++) {
        struct neg_resp resp = {.state = NEG_NO_STATE,
                                .token = {kept.tokens[0][n], kept.sizes[0][n]}};
        MUST(neg_resp_encode(&resp, &token));
        at = put_record(at, 2, token.data, token.size);
        sspi_blob_free(&token);
    }
    write_seed("accept-negotiate", (struct sspi_view){seed, (size_t)(at - seed)});
    sspi_blob_free(&list);
    finish(&kept.client);
    finish(&kept.server);
}

static void files(void)
{
    static const char *const lines[] = {
        "anna:1:X:0123456789ABCDEF0123456789ABCDEF:[U          ]:LCT-60000000:",
        "eve:1:X:0123456789abcdef0123456789abcdef:[DLNUX      ]:LCT-60000000:KICK-00000001",
        "nina:1:X:NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[NU         ]:LCT-00000000:",
        "# a comment",
        "\xc3\xa4nne:0::::",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        write_text("account-line", lines[i]);
    write_text("config", "# comment\n[ntlm]\nauthority = winbind\naccounts = /a\nnetbios-name = "
                         "A\nnetbios-domain = B\ndns-name = c.d\ndns-domain = d\ndns-tree = "
                         "d\nversion = 10.0.17763\n");
    write_text("config", "[ntlm]\r\n; other\r\nauthority=file");
    write_text("config", "");
}

static void bindings(void)
{
    struct {
        SEC_CHANNEL_BINDINGS structure;
        char data[32];
    } given;
    memset(&given, 0, sizeof given);
    write_seed("bindings", (struct sspi_view){(uint8_t *)&given, sizeof given.structure});
    given.structure.cbApplicationDataLength = sizeof given.data;
    given.structure.dwApplicationDataOffset = sizeof given.structure;
    memset(given.data, 'a', sizeof given.data);
    write_seed("bindings", (struct sspi_view){(uint8_t *)&given, sizeof given});
    given.structure.cbInitiatorLength = given.structure.cbAcceptorLength = 4;
    given.structure.dwInitiatorOffset = given.structure.dwAcceptorOffset = 40;
    write_seed("bindings", (struct sspi_view){(uint8_t *)&given, sizeof given});
}

/* SEC_WINNT_AUTH_IDENTITY_EX2: a user, and a password packed behind him. */
static void identities(void)
{
    struct {
        SEC_WINNT_AUTH_IDENTITY_EX2 head;
        USHORT user[4];
        SEC_WINNT_AUTH_PACKED_CREDENTIALS packed;
        USHORT password[2];
    } given;
    memset(&given, 0, sizeof given);
    given.head.Version = SEC_WINNT_AUTH_IDENTITY_VERSION_2;
    given.head.cbHeaderLength = sizeof given.head;
    given.head.cbStructureLength = sizeof given;
    given.head.UserOffset = sizeof given.head;
    given.head.UserLength = sizeof given.user;
    memset(given.user, 'a', sizeof given.user);
    write_seed("identity", (struct sspi_view){(uint8_t *)&given, sizeof given.head});
    given.head.PackedCredentialsOffset = sizeof given.head + sizeof given.user;
    given.head.PackedCredentialsLength = sizeof given.packed + sizeof given.password;
    given.packed = (SEC_WINNT_AUTH_PACKED_CREDENTIALS){
        sizeof given.packed,
        sizeof given.packed + sizeof given.password,
        {SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, {sizeof given.packed, sizeof given.password}}};
    given.password[0] = given.password[1] = 'b';
    write_seed("identity", (struct sspi_view){(uint8_t *)&given, sizeof given});
    given.packed.AuthData.CredType = SEC_WINNT_AUTH_DATA_TYPE_KEYTAB;
    write_seed("identity", (struct sspi_view){(uint8_t *)&given, sizeof given});
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 3;
    }
    folder = argv[1];
    fuzz_world("");
    exchanges();
    reselection();
    files();
    bindings();
    identities();
    return 0;
}
