/* SPDX-License-Identifier: Apache-2.0
 *
 * Failures inside libkrb5, OpenSSL, libwbclient and libsspi itself: an allocation, a call on a file
 * or a call on a socket fails, the first, the second and so on through a whole exchange with
 * messages, alone or with all that follow. Each time in a process of its own, forked when all is
 * warm. Then every call may say any error; but nobody succeeds who must not, contexts and
 * credentials can be released, nothing hangs, and when the failure is over a new exchange works.
 *
 * A crash inside a library below is its own: it is shown with its backtrace, and must stand in
 * library_crashes.txt with its reason. A crash of libsspi is a failure.
 *
 * About FAULTS of each row fail, spread over it; LIBSSPI_FAULTS is another number.
 * LIBSSPI_FAULT_WORLD=live: a KDC and winbindd that the environment names (test_faults_live.py).
 */
#include "kerberos_tickets.h"
#include "run.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "crashes.h"
#include "exchange.h"
#include "faults.h"
#include "world.h"

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define MUTUAL (FLAGS | ISC_REQ_MUTUAL_AUTH)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)
#define FAULTS 40
#define HANG_SECONDS 30

struct scene {
    const char *name, *package, *list; /* list: PackageList, or NULL */
    ULONG isc;
    const char *user, *domain, *password; /* NULL: of the ticket cache */
    const char *target, *client;          /* as NAMES of the acceptor has it */
    bool refused;                         /* must not come to success */
    bool replay;                          /* the first token once more must be refused */
};

enum outcome {
    FINE,
    WRONG,
    BEYOND
}; /* exit codes of a child; BEYOND: nothing failed */

static struct side client, server;
static ULONG first_size;
static uint8_t first_token[65536];

/* ---- one exchange --------------------------------------------------------------------------- */

static SECURITY_STATUS acquire(const struct scene *scene, ULONG use, struct side *side)
{
    char *user = (char *)(uintptr_t)scene->user, *list = (char *)(uintptr_t)scene->list;
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)list,
        .PackageListLength = list ? (ULONG)strlen(list) : 0,
    };
    if (user && use == SECPKG_CRED_OUTBOUND) {
        identity.User = (unsigned char *)user;
        identity.UserLength = (ULONG)strlen(user);
        identity.Domain = (unsigned char *)(uintptr_t)scene->domain;
        identity.DomainLength = (ULONG)strlen(scene->domain);
        identity.Password = (unsigned char *)(uintptr_t)scene->password;
        identity.PasswordLength = (ULONG)strlen(scene->password);
    }
    return AcquireCredentialsHandleA(NULL, (char *)(uintptr_t)scene->package, use, NULL,
                                     identity.User || list ? &identity : NULL, NULL, NULL,
                                     &side->credential, NULL);
}

static bool wrong(const char *what)
{
    fprintf(stderr, "  WRONG: %s\n", what);
    return false;
}

/* Whatever is opened is what was sealed, and what was damaged is not opened. */
static bool messages(const struct scene *scene)
{
    static const char text[] = "as it was sent";
    SecPkgContext_NamesA names;
    (void)scene;
    for (int damage = 0; damage < 2; damage++) {
        char data[sizeof text];
        uint8_t token[128];
        SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                               {sizeof data, SECBUFFER_DATA, data}};
        SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
        memcpy(data, text, sizeof text);
        if (EncryptMessage(&client.context, 0, &both, 0) != SEC_E_OK)
            continue;
        token[buffers[0].cbBuffer - 1] ^= (uint8_t)damage;
        if (DecryptMessage(&server.context, &both, 0, NULL) == SEC_E_OK &&
            (damage || memcmp(data, text, sizeof text) != 0))
            return wrong("a message was opened that nobody sealed");
        buffers[0].cbBuffer = sizeof token;
        if (MakeSignature(&server.context, 0, &both, 0) != SEC_E_OK)
            continue;
        data[3] ^= (char)damage;
        if (VerifySignature(&client.context, &both, 0, NULL) == SEC_E_OK && damage)
            return wrong("a signature was good for another text");
    }
    if (QueryContextAttributesA(&server.context, SECPKG_ATTR_NAMES, &names) != SEC_E_OK)
        return true;
    bool right = strcmp(names.sUserName, scene->client) == 0;
    FreeContextBuffer(names.sUserName);
    return right ? true : wrong("another name");
}

static bool play(const struct scene *scene)
{
    struct side *sides[] = {&client, &server};
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    client.status = server.status = SEC_E_INTERNAL_ERROR;
    first_size = 0;
    for (ULONG use = SECPKG_CRED_INBOUND; use <= SECPKG_CRED_OUTBOUND; use++)
        if (acquire(scene, use, sides[use == SECPKG_CRED_INBOUND]) != SEC_E_OK)
            return true;
    leg(&client, 1, scene->target, scene->isc, NULL, 0);
    memcpy(first_token, client.token, first_size = client.size);
    for (int i = 0; i < 10 && client.status >= 0 && client.size; i++) {
        leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
        if (server.status < 0 || !server.size)
            break;
        leg(&client, 1, scene->target, scene->isc, server.token, server.size);
    }
    if (server.status != SEC_E_OK)
        return true;
    if (scene->refused)
        return wrong("an impostor was let in");
    return client.status != SEC_E_OK || messages(scene);
}

/* The AP-REQ that was accepted comes again. */
static bool replay(const struct scene *scene)
{
    struct side again = {.credential = server.credential};
    if (!scene->replay || server.status != SEC_E_OK)
        return true;
    leg(&again, 0, NULL, ASC_FLAGS, first_token, first_size);
    bool refused = again.status < 0;
    if (again.has_context)
        DeleteSecurityContext(&again.context);
    return refused ? true : wrong("a replayed token was accepted");
}

static bool release(void)
{
    struct side *sides[] = {&client, &server};
    bool good = true;
    for (int i = 0; i < 2; i++) {
        if (sides[i]->has_context)
            good = DeleteSecurityContext(&sides[i]->context) == SEC_E_OK && good;
        if (sides[i]->credential.dwUpper)
            good = FreeCredentialsHandle(&sides[i]->credential) == SEC_E_OK && good;
    }
    return good ? true : wrong("a handle could not be released");
}

static bool works(const struct scene *scene)
{
    bool good = play(scene);
    if (good && !scene->refused && (client.status != SEC_E_OK || server.status != SEC_E_OK)) {
        fprintf(stderr, "  WRONG: 0x%08x, 0x%08x though nothing fails any more\n",
                (unsigned)client.status, (unsigned)server.status);
        good = false;
    }
    good = good && replay(scene);
    return release() && good;
}

/* ---- the sweep ------------------------------------------------------------------------------ */

struct fault {
    const struct scene *scene;
    enum fault_kind kind;
    bool lasting;
    long at;
};

static const char *const kinds[] = {"allocation", "file", "socket"};

static enum outcome child(const struct fault *fault)
{
    fault_arm(fault->kind, fault->at, fault->lasting);
    bool good = play(fault->scene);
    good = good && replay(fault->scene);
    bool released = release();
    fault_disarm();
    if (!fault_struck())
        return good && released ? BEYOND : WRONG;
    good = good && released && works(fault->scene);
    if (!good)
        fprintf(stderr, "  %s: %s %ld (%s%s)\n", fault->scene->name, kinds[fault->kind], fault->at,
                fault_struck(), fault->lasting ? " and all that follow" : "");
    return good ? FINE : WRONG;
}

/* Whether a crash in that library is known: a line of the file starts with library and function. */
static bool is_known(const struct crash *crash)
{
    char line[512], library[64], function[64];
    bool known = false;
    FILE *file = fopen("impl/tests/library_crashes.txt", "r");
    if (!file)
        return false;
    while (!known && fgets(line, sizeof line, file))
        known = sscanf(line, "%63s %63s", library, function) == 2 &&
                strcmp(library, crash->library) == 0 && strcmp(function, crash->function) == 0;
    fclose(file);
    return known;
}

/* Shows the first crash of a library at each of its functions, and counts the others. */
static bool note_crash(const struct fault *fault, const struct crash *crash)
{
    static char seen[32][160];
    static size_t count;
    char what[160];
    snprintf(what, sizeof what, "%s %s", crash->library, crash->function);
    for (size_t i = 0; i < count; i++)
        if (strcmp(seen[i], what) == 0)
            return is_known(crash);
    if (count < sizeof seen / sizeof seen[0])
        strcpy(seen[count++], what);
    bool known = is_known(crash);
    fprintf(stderr, "  %s: %s %ld: crash inside %s, %s\n%s", fault->scene->name, kinds[fault->kind],
            fault->at, what, known ? "which is known" : "not in library_crashes.txt", crash->trace);
    return known;
}

struct totals {
    unsigned faults, crashes, bad;
    bool beyond;
};

static void try(const struct fault *fault, struct totals *totals)
{
    int status;
    struct crash *crash =
        mmap(NULL, sizeof *crash, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        crash_watch(crash);
        alarm(HANG_SECONDS);
        _exit((int)child(fault));
    }
    if (crash == MAP_FAILED || pid < 0 || waitpid(pid, &status, 0) != pid)
        abort();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    totals->beyond = code == BEYOND;
    totals->faults += code != BEYOND;
    if (code == CRASH_OF_LIBRARY) {
        totals->crashes++;
        totals->bad += !note_crash(fault, crash);
    } else if (code != FINE && code != BEYOND) {
        totals->bad++;
        fprintf(stderr, "  %s: %s %ld%s: %s\n%s", fault->scene->name, kinds[fault->kind], fault->at,
                fault->lasting ? " and all that follow" : "",
                code == WRONG                                        ? "wrong"
                : code == CRASH_OURS                                 ? "a crash of libsspi"
                : WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs"
                                                                     : "the process is gone",
                crash->trace);
    }
    munmap(crash, sizeof *crash);
}

static void sweep(const struct scene *scene, enum fault_kind kind, bool lasting)
{
    struct totals totals = {.faults = 0};
    const char *wanted = getenv("LIBSSPI_FAULTS");
    long most = wanted ? atol(wanted) : FAULTS;
    fault_arm(kind, 0, false);
    CU_ASSERT(works(scene) && most > 0);
    long count = fault_disarm(), step = count / most + 1;
    /* The number of calls differs from run to run; the end is where nothing fails any more. */
    for (long at = 1; !totals.beyond && at <= 2 * count + 100; at += step)
        try(&(struct fault){scene, kind, lasting, at}, &totals);
    CU_ASSERT_EQUAL(totals.bad, 0);
    CU_ASSERT(totals.beyond);
    if (totals.faults)
        printf("  %s: %u of %ld %ss fail%s, %u crashes of libraries\n", scene->name, totals.faults,
               count, kinds[kind], lasting ? " with all that follow" : "", totals.crashes);
}

static void all_kinds(const struct scene *scenes, size_t count)
{
    mallopt(M_PERTURB, 0x5a); /* what is freed is not what it was */
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_FATAL(works(&scenes[i])); /* warm */
        for (int kind = 0; kind < FAULT_KINDS; kind++)
            for (int lasting = 0; lasting < 2; lasting++)
                sweep(&scenes[i], (enum fault_kind)kind, lasting);
    }
}

/* ---- scenes --------------------------------------------------------------------------------- */

/* A keytab of two keys, the service's behind: one that is read in part lacks it. */
static void two_keys(const struct world *world)
{
    static const char *const names[] = {"host/web.world.test", WORLD_SERVICE};
    krb5_keytab keytab;
    unlink(world_path(world, "keytab"));
    WORLD_MUST(krb5_kt_default(world->krb5, &keytab));
    for (int i = 0; i < 2; i++) {
        krb5_keytab_entry entry = {.vno = 1, .key = world->key};
        if (i == 0)
            WORLD_MUST(krb5_c_make_random_key(world->krb5, world->key.enctype, &entry.key));
        WORLD_MUST(krb5_parse_name(world->krb5, names[i], &entry.principal));
        WORLD_MUST(krb5_kt_add_entry(world->krb5, keytab, &entry));
        krb5_free_principal(world->krb5, entry.principal);
        if (i == 0)
            krb5_free_keyblock_contents(world->krb5, &entry.key);
    }
    krb5_kt_close(world->krb5, keytab);
    usleep(100000); /* no longer young: what was read of it is kept */
}

static void kerberos(void)
{
    static const struct scene scenes[] = {
        {"Kerberos", "Kerberos", NULL, MUTUAL, NULL, NULL, NULL, WORLD_SERVICE,
         WORLD_REALM "\\alice", false, true},
        {"Kerberos in DCE style", "Kerberos", NULL, MUTUAL | ISC_REQ_USE_DCE_STYLE, NULL, NULL,
         NULL, WORLD_SERVICE, WORLD_REALM "\\alice", false, true},
        {"Negotiate with Kerberos", "Negotiate", "!NTLM", MUTUAL, NULL, NULL, NULL, WORLD_SERVICE,
         WORLD_REALM "\\alice", false, false},
    };
    static const struct scene impostor = {
        "Kerberos, another key", "Kerberos", NULL, MUTUAL, NULL, NULL, NULL, WORLD_SERVICE,
        WORLD_REALM "\\alice",   true,       false};
    struct world world;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    two_keys(&world);
    all_kinds(scenes, sizeof scenes / sizeof scenes[0]);
    world_new_key(&world);
    all_kinds(&impostor, 1);
    world_close(&world);
}

static void ntlm(void)
{
    static const struct scene scenes[] = {
        {"NTLM", "NTLM", NULL, FLAGS, "anna", "WORLD", "Secret123!", NULL, "WORLD\\anna", false,
         false},
        {"NTLM, wrong password", "NTLM", NULL, FLAGS, "anna", "WORLD", "secret123!", NULL,
         "WORLD\\anna", true, false},
        {"Negotiate with NTLM", "Negotiate", "!Kerberos", FLAGS, "anna", "WORLD", "Secret123!",
         NULL, "WORLD\\anna", false, false},
    };
    world_begin();
    all_kinds(scenes, sizeof scenes / sizeof scenes[0]);
}

/* A KDC and a winbindd that are there; the environment says whom to log on. */
static void live(void)
{
    const char *user = getenv("LIBSSPI_FAULT_USER"), *password = getenv("LIBSSPI_FAULT_PASSWORD");
    const char *realm = getenv("LIBSSPI_FAULT_REALM"), *target = getenv("LIBSSPI_FAULT_TARGET");
    const char *domain = getenv("LIBSSPI_FAULT_DOMAIN"), *package = getenv("LIBSSPI_FAULT_WORLD");
    char name[128];
    if (!package) {
        CU_PASS("only with a live realm");
        return;
    }
    bool kerberos_too = strcmp(package, "Kerberos") == 0;
    snprintf(name, sizeof name, "%s\\%s", kerberos_too ? realm : domain, user);
    struct scene scenes[] = {
        {"a password", package, NULL, kerberos_too ? MUTUAL : FLAGS, user,
         kerberos_too ? realm : domain, password, target, name, false, kerberos_too},
        {"a wrong password", package, NULL, kerberos_too ? MUTUAL : FLAGS, user,
         kerberos_too ? realm : domain, "not this one", target, name, true, false},
    };
    all_kinds(scenes, 2);
}

SSPI_TESTS({"kerberos", kerberos}, {"ntlm", ntlm}, {"live", live})
