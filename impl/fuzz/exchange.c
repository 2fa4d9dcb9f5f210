/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: InitializeSecurityContext or AcceptSecurityContext over several legs, then messages,
 * with a real counterpart out of the same library. Built once per package and side:
 * FUZZ_PACKAGE, FUZZ_INITIATES; FUZZ_KERBEROS: the mechanism is Kerberos, else NTLM.
 *
 * An input is requirements and settings for both sides (struct setup), then records: a byte that
 * says what the side under test gets in place of the genuine token, a length, and bytes:
 * enum record. After the last leg records alter messages instead.
 */
#include <sspi.h>

#include "kerberos_repair.h"
#include "repair.h"
#include "world.h"

#ifdef FUZZ_INITIATES
enum {
    INITIATES = 1
};
#else
enum {
    INITIATES = 0
};
#endif

#ifdef FUZZ_KERBEROS
enum {
    KERBEROS = 1
};
#else
enum {
    KERBEROS = 0
};
#endif

enum {
    ROOM = 65536,
    MOST_LEGS = 8,
    MOST_MESSAGES = 4,
    MESSAGE = 40
};

enum record {
    GENUINE,  /* the counterpart's token; bytes: triples of place and XOR */
    RAW,      /* the bytes */
    REPAIRED, /* NTLM: the bytes, with proof and MIC made true; Kerberos: the counterpart's
               * token, changed inside its encryption as the bytes say (kerberos_repair.h) */
    CUT,      /* the counterpart's token, as long as the first two bytes say */
    RECORDS
};

struct setup {
    uint32_t req[2];     /* ours, theirs */
    uint8_t bindings[2]; /* which; high half: policy; Kerberos: encryption type, of both */
    uint8_t room, shape; /* of our output; of messages */
};

struct side {
    bool initiates, has_context;
    CredHandle *credential;
    CtxtHandle context;
    SECURITY_STATUS status;
    ULONG ret;
    struct sspi_view token; /* its newest */
    uint8_t memory[ROOM];
};

enum {
    POLICIES = 3
};
static CredHandle outbound[POLICIES], inbound[POLICIES];

#ifdef FUZZ_KERBEROS
static struct fuzz_realm realms[POLICIES], *realm; /* the latter: of this run */

static void acquire(size_t policy, ULONG use, CredHandle *credential)
{
    static const krb5_enctype enctypes[POLICIES] = {
        ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_ARCFOUR_HMAC, ENCTYPE_AES128_CTS_HMAC_SHA256_128};
    char list[] = "!NTLM", package[] = FUZZ_PACKAGE;
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)list,
        .PackageListLength = sizeof list - 1,
    };
    if (!realms[policy].world.krb5)
        fuzz_realm_open(&realms[policy], enctypes[policy]);
    MUST(AcquireCredentialsHandleA(NULL, package, use, NULL, &identity, NULL, NULL, credential,
                                   NULL) == SEC_E_OK);
}

static void pin(const struct setup *setup)
{
    fuzz_pin();
    libsspi_test_clock(0); /* which the tickets are of; another one costs a library context */
    realm = &realms[(setup->bindings[0] >> 4) % POLICIES];
}
#else
/* Each side keeps to one of these: today's defaults; NTLMv1 and LM as well; no time, no MIC. */
static const char *const policies[POLICIES] = {"", "lm-level = 0\n",
                                               "lm-level = 2\nav-timestamp = no\n"};

static void acquire(size_t policy, ULONG use, CredHandle *credential)
{
    char user[] = FUZZ_USER, domain[] = FUZZ_DOMAIN, password[] = FUZZ_PASSWORD;
    char list[] = "!Kerberos", package[] = FUZZ_PACKAGE;
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = (unsigned char *)user,
        .UserLength = sizeof user - 1,
        .Domain = (unsigned char *)domain,
        .DomainLength = sizeof domain - 1,
        .Password = (unsigned char *)password,
        .PasswordLength = sizeof password - 1,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)list,
        .PackageListLength = sizeof list - 1,
    };
    fuzz_world(policies[policy]);
    MUST(AcquireCredentialsHandleA(NULL, package, use, NULL, &identity, NULL, NULL, credential,
                                   NULL) == SEC_E_OK);
}

static void pin(const struct setup *setup)
{
    (void)setup;
    fuzz_pin();
}
#endif

/* None, one of two, or (3) one that is broken. */
static SecBuffer bindings_of(uint8_t choice)
{
    static struct {
        SEC_CHANNEL_BINDINGS structure;
        char data[8];
    } given[3];
    choice %= 4;
    if (!choice)
        return (SecBuffer){0, SECBUFFER_EMPTY, NULL};
    SEC_CHANNEL_BINDINGS *structure = &given[choice - 1].structure;
    structure->cbApplicationDataLength = choice == 3 ? 9 : 8;
    structure->dwApplicationDataOffset = sizeof *structure;
    memset(given[choice - 1].data, choice, 8);
    return (SecBuffer){sizeof given[0], SECBUFFER_CHANNEL_BINDINGS, structure};
}

/* A peer may refuse with a number that has no status of its own: KRB-ERROR, RFC 4120 7.5.9. */
static bool told_so(struct sspi_view token)
{
    static const uint8_t error[] = {0x02, 0x02, 0x03, 0x00, 0x7e};
    return KERBEROS && ((token.size && token.data[0] == 0x7e) ||
                        memmem(token.data, token.size, error, sizeof error));
}

static void check_status(const struct side *side, struct sspi_view token)
{
    MUST(side->status == SEC_E_OK || side->status == SEC_I_CONTINUE_NEEDED || side->status < 0);
    MUST(side->status != SEC_E_INSUFFICIENT_MEMORY);
    if (side->status == SEC_E_INTERNAL_ERROR && !(side->initiates && told_so(token))) {
        fprintf(stderr, "SEC_E_INTERNAL_ERROR: %s\n", libsspi_last_error());
        abort();
    }
}

/* One leg. room: of the output buffer, or 0: the library allocates. */
static void leg(struct side *side, const struct setup *setup, int which, struct sspi_view token,
                bool first, size_t room)
{
    uint8_t *given = fuzz_copy(token), *made = room ? malloc(room) : NULL;
    SecBuffer in[2] = {{(ULONG)token.size, SECBUFFER_TOKEN, given},
                       bindings_of(setup->bindings[which])};
    SecBufferDesc input = {SECBUFFER_VERSION, 2, in};
    SecBuffer out = {(ULONG)room, SECBUFFER_TOKEN, made};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &out};
    CtxtHandle *context = side->has_context ? &side->context : NULL;
    char target[] = WORLD_SERVICE;
    ULONG allocate = room ? 0 : ISC_REQ_ALLOCATE_MEMORY;
    ULONG req = (setup->req[which] & ~(ULONG)ISC_REQ_ALLOCATE_MEMORY) | allocate;

    if (first && side->initiates) /* no token yet, but perhaps bindings */
        in[0].BufferType = SECBUFFER_EMPTY;
    if (side->initiates)
        side->status = InitializeSecurityContextA(side->credential, context, target, req, 0,
                                                  SECURITY_NATIVE_DREP, &input, 0, &side->context,
                                                  &output, &side->ret, NULL);
    else
        side->status =
            AcceptSecurityContext(side->credential, context, &input, req, SECURITY_NATIVE_DREP,
                                  &side->context, &output, &side->ret, NULL);
    check_status(side, token);
    side->has_context |= side->status >= 0;
    bool sent = side->status != SEC_E_BUFFER_TOO_SMALL && out.pvBuffer && out.cbBuffer;
    MUST(!sent || (out.cbBuffer <= ROOM && (!room || out.cbBuffer <= room)));
    /* A failing first call may leave cbBuffer as it came. */
    if (side->status < 0 && out.cbBuffer == room)
        sent = false;
    side->token = (struct sspi_view){side->memory, sent ? out.cbBuffer : 0};
    if (sent)
        memcpy(side->memory, out.pvBuffer, out.cbBuffer);
    if (room)
        free(made);
    else if (out.pvBuffer)
        MUST(FreeContextBuffer(out.pvBuffer) == SEC_E_OK);
    free(given);
}

static void edit(uint8_t *token, size_t size, struct sspi_view edits)
{
    while (size && edits.size >= 3) {
        size_t place = fuzz_number(&edits, 2) % size;
        token[place] ^= (uint8_t)fuzz_number(&edits, 1);
    }
}

/* ---- repairs -------------------------------------------------------------------------------- */

/* Seen in either direction: NEGOTIATE and CHALLENGE, or in the latter's place an AP-REQ of the
 * counterpart's. */
struct messages {
    struct sspi_blob negotiate, challenge;
};

#ifdef FUZZ_KERBEROS
static void note(struct messages *seen, struct sspi_view token, bool theirs)
{
    fuzz_kerberos_note(realm, token);
    if (theirs && token.size && !seen->challenge.size)
        MUST(sspi_blob_copy(&seen->challenge, token.data, token.size));
}

/* A counterpart that has failed has no token any more; that of before may still serve. */
static struct sspi_blob repaired(struct sspi_view genuine, struct sspi_view bytes,
                                 const struct messages *seen)
{
    return fuzz_kerberos_repair(realm, genuine.size ? genuine : sspi_blob_view(&seen->challenge),
                                bytes);
}
#else
static void note(struct messages *seen, struct sspi_view token, bool theirs)
{
    (void)theirs;
    struct sspi_view found = fuzz_find_ntlm(token, 1);
    if (found.size && !seen->negotiate.size) {
        /* Bare, or at the end of the SPNEGO token, where a NEGOTIATE without names has 40 bytes. */
        size_t size = found.data == token.data ? found.size : 40 < found.size ? 40 : found.size;
        MUST(sspi_blob_copy(&seen->negotiate, found.data, size));
    }
    found = fuzz_find_ntlm(token, 2);
    if (found.size && !seen->challenge.size)
        MUST(sspi_blob_copy(&seen->challenge, found.data, found.size));
}

static struct sspi_blob repaired(struct sspi_view genuine, struct sspi_view bytes,
                                 const struct messages *seen)
{
    struct sspi_blob token = {NULL, 0};
    (void)genuine;
    MUST(sspi_blob_copy(&token, bytes.data, bytes.size));
    if (seen->challenge.size)
        fuzz_repair(token.data, token.size, sspi_blob_view(&seen->negotiate),
                    sspi_blob_view(&seen->challenge));
    return token;
}
#endif

/* What our side gets: the counterpart's token, altered or replaced as the next record says. */
static struct sspi_blob next_token(struct sspi_view *input, struct sspi_view genuine,
                                   const struct messages *seen)
{
    enum record kind = (enum record)(fuzz_number(input, 1) % RECORDS);
    struct sspi_view bytes = fuzz_take(input, fuzz_number(input, 2));
    struct sspi_blob token = {NULL, 0};
    size_t left = kind == CUT ? fuzz_number(&bytes, 2) : SIZE_MAX;
    if (left < genuine.size)
        genuine.size = left;
    if (kind == REPAIRED)
        return repaired(genuine, bytes, seen);
    if (kind == RAW) {
        MUST(sspi_blob_copy(&token, bytes.data, bytes.size));
        return token;
    }
    MUST(sspi_blob_copy(&token, genuine.data, genuine.size));
    edit(token.data, token.size, bytes);
    return token;
}

static void query(struct side *side)
{
    static const ULONG attributes[] = {
        SECPKG_ATTR_NAMES,       SECPKG_ATTR_NATIVE_NAMES, SECPKG_ATTR_AUTHORITY,
        SECPKG_ATTR_SESSION_KEY, SECPKG_ATTR_PACKAGE_INFO, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET,
    };
    SecPkgContext_Sizes sizes;
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        struct {
            void *pointers[8];
        } room = {{NULL}};
        SECURITY_STATUS status = QueryContextAttributesW(&side->context, attributes[i], &room);
        MUST(status == SEC_E_OK || status < 0);
        if (status != SEC_E_OK)
            continue;
        bool key = attributes[i] == SECPKG_ATTR_SESSION_KEY;
        FreeContextBuffer(key ? ((SecPkgContext_SessionKey *)&room)->SessionKey : room.pointers[0]);
        if (attributes[i] == SECPKG_ATTR_NATIVE_NAMES)
            FreeContextBuffer(room.pointers[1]);
    }
    QueryContextAttributesW(&side->context, SECPKG_ATTR_SIZES, &sizes);
}

/* A message from the genuine counterpart, altered as the record says. What is accepted must be
 * what was sent. */
static void message(struct side *ours, struct side *theirs, const struct setup *setup,
                    struct sspi_view edits, bool sealed)
{
    uint8_t plain[MESSAGE], token[128], *whole;
    ULONG qop = 0;
    memset(plain, 'p', sizeof plain);
    SecBuffer parts[2] = {{sizeof token, SECBUFFER_TOKEN, token},
                          {sizeof plain, SECBUFFER_DATA, plain}};
    SecBufferDesc made = {SECBUFFER_VERSION, 2, parts};
    SECURITY_STATUS status = sealed ? EncryptMessage(&theirs->context, 0, &made, 0)
                                    : MakeSignature(&theirs->context, 0, &made, 0);
    if (status != SEC_E_OK)
        return;
    size_t size = parts[0].cbBuffer + sizeof plain;
    whole = malloc(size);
    MUST(whole);
    memcpy(whole, token, parts[0].cbBuffer);
    memcpy(whole + parts[0].cbBuffer, plain, sizeof plain);
    edit(whole, size, edits);
    if (setup->shape & 1 && sealed) {
        parts[0] = (SecBuffer){(ULONG)size, SECBUFFER_STREAM, whole};
        parts[1] = (SecBuffer){0, SECBUFFER_DATA, NULL};
    } else {
        parts[1].pvBuffer = whole + parts[0].cbBuffer;
        parts[0].pvBuffer = whole;
    }
    status = sealed ? DecryptMessage(&ours->context, &made, 0, &qop)
                    : VerifySignature(&ours->context, &made, 0, &qop);
    MUST(status == SEC_E_OK || status < 0);
    MUST(status != SEC_E_INTERNAL_ERROR);
    if (status == SEC_E_OK && ours->ret & (ISC_RET_INTEGRITY | ISC_RET_CONFIDENTIALITY))
        for (size_t i = 0; i < MESSAGE; i++)
            MUST(parts[1].cbBuffer == MESSAGE && ((uint8_t *)parts[1].pvBuffer)[i] == 'p');
    free(whole);
}

static void run(struct sspi_view input, struct setup *setup, struct side *ours, struct side *theirs)
{
    struct messages seen = {{NULL, 0}, {NULL, 0}};
    struct sspi_view none = {NULL, 0};
    if (INITIATES)
        leg(ours, setup, 0, none, true, setup->room & 1 ? 0 : ROOM);
    bool first = true, waits = false;
    for (int n = 0; n < MOST_LEGS && input.size; n++) {
        bool can = !waits && theirs->status == SEC_I_CONTINUE_NEEDED && (ours->token.size || first);
        if (!can && !waits)
            theirs->token.size = 0;
        note(&seen, ours->token, false);
        if (can)
            leg(theirs, setup, 1, ours->token, first && theirs->initiates, ROOM);
        first = false;
        note(&seen, theirs->token, true);
        struct sspi_view whole = theirs->token;
        struct sspi_blob token = next_token(&input, whole, &seen);
        bool ended = ours->has_context && ours->status != SEC_I_CONTINUE_NEEDED;
        /* From time to time the buffer is too small for any token. */
        size_t room = setup->room & 1 ? 0 : setup->room >> 4 == 15 ? 16 : ROOM;
        leg(ours, setup, 0, sspi_blob_view(&token), false, room);
        /* Silence: it wants the rest of a token in fragments (MS-SPNG 3.1.5.6). */
        waits = ours->status == SEC_I_CONTINUE_NEEDED && !ours->token.size;
        if (waits && token.size < whole.size)
            fuzz_take(&theirs->token, token.size);
        sspi_blob_free(&token);
        MUST(!ended || ours->status < 0);
        if (ours->status != SEC_I_CONTINUE_NEEDED)
            break;
    }
    if (ours->has_context)
        query(ours);
    /* The counterpart may still wait for our last token. */
    if (ours->status == SEC_E_OK && ours->token.size && theirs->status == SEC_I_CONTINUE_NEEDED)
        leg(theirs, setup, 1, ours->token, false, ROOM);
    for (int n = 0;
         n < MOST_MESSAGES && input.size && ours->status == SEC_E_OK && theirs->status == SEC_E_OK;
         n++) {
        bool sealed = fuzz_number(&input, 1) & 1;
        message(ours, theirs, setup, fuzz_take(&input, fuzz_number(&input, 2)), sealed);
    }
    sspi_blob_free(&seen.negotiate);
    sspi_blob_free(&seen.challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct side ours, theirs;
    struct sspi_view input = {data, size};
    struct setup setup;
    if (!outbound[0].dwUpper) {
        for (size_t i = 0; i < POLICIES; i++) {
            acquire(i, SECPKG_CRED_OUTBOUND, &outbound[i]);
            acquire(i, SECPKG_CRED_INBOUND, &inbound[i]);
        }
    }
    setup.req[0] = fuzz_number(&input, 4);
    setup.req[1] = fuzz_number(&input, 4);
    setup.bindings[0] = (uint8_t)fuzz_number(&input, 1);
    setup.bindings[1] = (uint8_t)fuzz_number(&input, 1);
    setup.room = (uint8_t)fuzz_number(&input, 1);
    setup.shape = (uint8_t)fuzz_number(&input, 1);
    pin(&setup);
    struct side *sides[2] = {&ours, &theirs};
    for (int i = 0; i < 2; i++) {
        sides[i]->initiates = INITIATES == !i;
        uint8_t policy = (setup.bindings[KERBEROS ? 0 : i] >> 4) % POLICIES;
        sides[i]->credential = sides[i]->initiates ? &outbound[policy] : &inbound[policy];
        sides[i]->has_context = false;
        sides[i]->status = SEC_I_CONTINUE_NEEDED;
        sides[i]->token.size = 0;
        sides[i]->ret = 0;
    }
    run(input, &setup, &ours, &theirs);
    for (int i = 0; i < 2; i++)
        if (sides[i]->has_context)
            MUST(DeleteSecurityContext(&sides[i]->context) == SEC_E_OK);
    return 0;
}
