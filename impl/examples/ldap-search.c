/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of a directory: binds with SASL GSS-SPNEGO (MS-ADTS 5.1.1.1.2), searches, prints.
 *
 *     kinit alice && build/examples/ldap-search dc.example.org DC=example,DC=org cn=alice
 *     build/examples/ldap-search -u 'EXAMPLE\alice' -n HOST BASE ATTR=VALUE [ATTR]... <password
 *
 *     -u  with that account and the password on standard input, instead of the ticket cache
 *     -n  NTLM, although Kerberos could be had      -s  messages are signed only, not sealed
 *
 * What a client author can take from here:
 *  - The name of the service (ldap/HOST) is what keeps a login from being used at another one.
 *  - The last leg may bring a token, the server's proof: only SEC_E_OK after it is a login.
 *  - What was asked for may not be had: look at the attributes before trusting the connection.
 *  - A message on the wire is TOKEN, DATA and PADDING in a row, and comes back as one STREAM.
 * ber.h and ldap.h are LDAP's; here is what has to do with security.
 */
#include "ldap.h"

#include <sspi.h>

static struct {
    int socket;
    bool sealed, ntlm; /* as asked for */
    bool established;  /* from here on every message is protected */
    CredHandle credential;
    CtxtHandle context;
    SecPkgContext_Sizes sizes;
    unsigned char number; /* of the last request */
    struct ber_out out;
    unsigned char in[1 << 20], frame[4 + 1000 + sizeof(struct ber_out) + 64];
} ldap;

/* The message in ldap.out, into ldap.frame. Returns its size. */
static size_t protect(void)
{
    unsigned char *p = ldap.frame + 4, padding[64];
    SecBuffer parts[] = {{ldap.sizes.cbSecurityTrailer, SECBUFFER_TOKEN, p},
                         {(ULONG)ldap.out.size, SECBUFFER_DATA, ldap.out.bytes},
                         {ldap.sizes.cbBlockSize, SECBUFFER_PADDING, padding}};
    SecBufferDesc message = {SECBUFFER_VERSION, 3, parts};
    /* With NTLM, LDAP seals whatever it signs: servers expect that of Windows' clients. */
    ULONG quality = ldap.sealed || ldap.ntlm ? 0 : (ULONG)SECQOP_WRAP_NO_ENCRYPT;

    SECURITY_STATUS status = EncryptMessage(&ldap.context, quality, &message, 0);
    if (status != SEC_E_OK)
        die("EncryptMessage: 0x%08x", (unsigned)status);
    for (size_t i = 0; i < 3; i++) {
        memmove(p, parts[i].pvBuffer, parts[i].cbBuffer);
        p += parts[i].cbBuffer;
    }
    size_t size = (size_t)(p - ldap.frame) - 4;
    for (int i = 0; i < 4; i++)
        ldap.frame[i] = (unsigned char)(size >> (24 - 8 * i));
    return size + 4;
}

/* Sends what is in ldap.out as a request. */
static void send_request(unsigned char operation)
{
    finish_request(&ldap.out, operation, ++ldap.number);
    if (ldap.established)
        transfer(ldap.socket, true, ldap.frame, protect());
    else
        transfer(ldap.socket, true, ldap.out.bytes, ldap.out.size);
    ldap.out.size = 0;
}

/* One message, or under protection a frame with one or several. */
static struct ber_in receive(void)
{
    size_t size = read_message(ldap.socket, ldap.established, ldap.in, sizeof ldap.in);
    SecBuffer parts[] = {{(ULONG)size - 4, SECBUFFER_STREAM, ldap.in + 4},
                         {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, parts};
    ULONG quality = 0;

    if (!ldap.established)
        return (struct ber_in){ldap.in, size};
    SECURITY_STATUS status = DecryptMessage(&ldap.context, &message, 0, &quality);
    if (status != SEC_E_OK)
        die("DecryptMessage: 0x%08x", (unsigned)status);
    if (ldap.sealed && (quality & SECQOP_WRAP_NO_ENCRYPT))
        die("the server did not seal its message");
    return (struct ber_in){parts[1].pvBuffer, parts[1].cbBuffer};
}

/* account: DOMAIN\user, or NULL for the ticket cache. */
static void acquire(char *account)
{
    char password[256] = "", *list = ldap.ntlm ? "!Kerberos" : "";
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {.Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
                                            .Length = sizeof identity,
                                            .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
                                            .PackageList = (unsigned char *)list,
                                            .PackageListLength = (ULONG)strlen(list)};
    if (account) {
        char *user = strchr(account, '\\');
        if (!user || !fgets(password, sizeof password, stdin))
            die("-u wants DOMAIN\\user, and the password on standard input");
        *user++ = '\0';
        password[strcspn(password, "\n")] = '\0';
        identity.User = (unsigned char *)user;
        identity.UserLength = (ULONG)strlen(user);
        identity.Domain = (unsigned char *)account;
        identity.DomainLength = (ULONG)strlen(account);
        identity.Password = (unsigned char *)password;
        identity.PasswordLength = (ULONG)strlen(password);
    }
    SECURITY_STATUS status =
        AcquireCredentialsHandleA(NULL, "Negotiate", SECPKG_CRED_OUTBOUND, NULL, &identity, NULL,
                                  NULL, &ldap.credential, NULL);
    explicit_bzero(password, sizeof password);
    if (status != SEC_E_OK)
        die("AcquireCredentialsHandle: 0x%08x", (unsigned)status);
}

/* One leg. [in] token: the server's, empty on the first. [out] answer: to be released. */
static SECURITY_STATUS leg(char *target, struct ber_in token, SecBuffer *answer, ULONG *got)
{
    ULONG wanted = ISC_REQ_ALLOCATE_MEMORY | ISC_REQ_INTEGRITY | ISC_REQ_MUTUAL_AUTH |
                   ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT |
                   (ldap.sealed ? ISC_REQ_CONFIDENTIALITY : 0);
    SecBuffer in = {(ULONG)token.size, SECBUFFER_TOKEN, (void *)(uintptr_t)token.bytes};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in}, output = {SECBUFFER_VERSION, 1, answer};
    bool first = ldap.number == 0;

    *answer = (SecBuffer){0, SECBUFFER_TOKEN, NULL};
    SECURITY_STATUS status = InitializeSecurityContextA(
        &ldap.credential, first ? NULL : &ldap.context, target, wanted, 0, SECURITY_NATIVE_DREP,
        first ? NULL : &input, 0, &ldap.context, &output, got, NULL);
    if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED)
        die("InitializeSecurityContext: 0x%08x", (unsigned)status);
    return status;
}

static void bind_to(const char *host)
{
    ULONG needed = ISC_RET_INTEGRITY | (ldap.sealed ? ISC_RET_CONFIDENTIALITY : 0), got = 0;
    SECURITY_STATUS status = SEC_I_CONTINUE_NEEDED;
    struct ber_in contents, frame, token = {NULL, 0};
    int code = BIND_IN_PROGRESS;
    SecBuffer answer;
    char target[300];

    snprintf(target, sizeof target, "ldap/%s", host);
    while (code == BIND_IN_PROGRESS) {
        if (status != SEC_I_CONTINUE_NEEDED)
            die("the server asks for more than there is");
        status = leg(target, token, &answer, &got);
        write_bind(&ldap.out, answer.pvBuffer, answer.cbBuffer);
        FreeContextBuffer(answer.pvBuffer);
        send_request(BIND);
        frame = receive();
        if (operation(&frame, ldap.number, &contents) != BOUND)
            die("that is no answer to a bind");
        code = result(&contents);
        token = (struct ber_in){NULL, 0};
        (void)ber_expect(&contents, 0x87, &token); /* serverSaslCreds, if there are any */
    }
    if (status == SEC_I_CONTINUE_NEEDED)
        status = leg(target, token, &answer, &got);
    if (status != SEC_E_OK)
        die("the server has not proven itself");
    if ((got & needed) != needed)
        die("the server does not protect messages as asked: 0x%08x", (unsigned)got);
    if (QueryContextAttributesA(&ldap.context, SECPKG_ATTR_SIZES, &ldap.sizes) != SEC_E_OK ||
        ldap.sizes.cbSecurityTrailer > 1000 || ldap.sizes.cbBlockSize > 64)
        die("these sizes are of no use");
    ldap.established = true;
}

static void look_at_context(void)
{
    SecPkgContext_PackageInfoA info;
    if (QueryContextAttributesA(&ldap.context, SECPKG_ATTR_PACKAGE_INFO, &info) != SEC_E_OK)
        die("nobody knows which package this is");
    ldap.ntlm = strcmp(info.PackageInfo->Name, "NTLM") == 0;
    fprintf(stderr, "bound with %s, %s\n", info.PackageInfo->Name,
            ldap.sealed ? "signed and sealed" : "signed");
    FreeContextBuffer(info.PackageInfo);
}

static void search(const char *base, const char *filter, char **attributes)
{
    struct ber_in contents, frame = {NULL, 0};
    unsigned char tag = ENTRY;

    write_search(&ldap.out, base, filter, attributes);
    send_request(SEARCH);
    while (tag != DONE) {
        if (!frame.size)
            frame = receive();
        tag = operation(&frame, ldap.number, &contents);
        if (tag == ENTRY)
            print_entry(contents);
        else if (tag == DONE)
            (void)result(&contents);
        else if (tag != REFERRAL)
            die("that is no answer to a search");
    }
}

int main(int argc, char **argv)
{
    char *account = NULL;

    ldap.sealed = true;
    for (int option; (option = getopt(argc, argv, "u:ns")) != -1;) {
        if (option == 'u')
            account = optarg;
        else if (option == 'n')
            ldap.ntlm = true;
        else if (option == 's')
            ldap.sealed = false;
        else
            return 2;
    }
    if (argc - optind < 3)
        die("usage: ldap-search [-u DOMAIN\\user] [-n] [-s] HOST BASE ATTR=VALUE [ATTR]...");
    acquire(account);
    ldap.socket = connect_to(argv[optind]);
    bind_to(argv[optind]);
    look_at_context();
    search(argv[optind + 1], argv[optind + 2], argv + optind + 3);
    DeleteSecurityContext(&ldap.context);
    FreeCredentialsHandle(&ldap.credential);
    close(ldap.socket);
    return 0;
}
