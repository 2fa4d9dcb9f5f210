/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP server that knows who is asking: `Negotiate` and `NTLM` of RFC 4559 on SSPI.
 *
 *     LIBSSPI_CONFIG=libsspi.conf KRB5_KTNAME=http.keytab build/examples/http-server
 *     curl --ntlm -u 'DOMAIN\user:password' http://127.0.0.1:PORT/
 *     kinit user && curl --negotiate -u : http://web.example.org:PORT/
 *
 * What a server author can take from here:
 *  - A login belongs to a connection, and so does its context: the client sends the next leg on the
 *    same connection, and later requests on it are that user's, without a header.
 *  - One inbound credential for each package serves all connections and threads.
 *  - A status other than SEC_E_OK and SEC_I_CONTINUE_NEEDED is a refusal. The client hears 401, the
 *    log the reason: telling a stranger "no such user" apart from "wrong password" helps nobody
 * else.
 *  - SEC_E_OK is not the end of thinking: an anonymous client, too, gets it.
 * It is bare HTTP. A server with TLS passes the channel bindings (SECBUFFER_CHANNEL_BINDINGS) as
 * the second input buffer of every leg, which keeps logins from being relayed.
 */
#include "base64.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sspi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_TOKEN 49152             /* Negotiate's cbMaxToken: a ticket of many groups is long */
#define MAX_REQUEST (MAX_TOKEN * 2) /* base64 adds a third; the rest is for other headers */

static struct scheme {
    const char *name; /* in HTTP, and of the package as well */
    CredHandle credential;
} schemes[] = {{.name = "Negotiate"}, {.name = "NTLM"}};
#define SCHEMES (sizeof schemes / sizeof *schemes)

struct connection {
    int socket;
    const struct scheme *scheme; /* of the context; NULL: there is no context */
    CtxtHandle context;
    char *user; /* NULL until the login is complete */
    char request[MAX_REQUEST + 1], token[MAX_TOKEN];
    char base64[MAX_TOKEN / 3 * 4 + 5]; /* the token for the client, "" when there is none */
    char reply[MAX_REQUEST];
};

static void forget(struct connection *c)
{
    if (c->scheme)
        DeleteSecurityContext(&c->context);
    if (c->user)
        FreeContextBuffer(c->user);
    c->scheme = NULL;
    c->user = NULL;
}

/* One leg, with the client's token of `size` bytes in c->token. */
static SECURITY_STATUS leg(struct connection *c, struct scheme *scheme, long size)
{
    SecBuffer in = {(ULONG)size, SECBUFFER_TOKEN, c->token}, out = {0, SECBUFFER_TOKEN, NULL};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in}, output = {SECBUFFER_VERSION, 1, &out};
    SecPkgContext_NamesA names = {NULL};
    ULONG flags = 0;
    SECURITY_STATUS status;

    if (c->user || c->scheme != scheme) /* a login anew */
        forget(c);
    status = AcceptSecurityContext(&scheme->credential, c->scheme ? &c->context : NULL, &input,
                                   ASC_REQ_CONNECTION | ASC_REQ_ALLOCATE_MEMORY,
                                   SECURITY_NATIVE_DREP, &c->context, &output, &flags, NULL);
    if (status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED) {
        c->scheme = scheme;
        to_base64(out.pvBuffer, out.cbBuffer, c->base64);
    }
    if (out.pvBuffer)
        FreeContextBuffer(out.pvBuffer);
    if (status == SEC_E_OK && (flags & ASC_RET_NULL_SESSION))
        status = SEC_E_LOGON_DENIED;
    if (status == SEC_E_OK)
        status = QueryContextAttributesA(&c->context, SECPKG_ATTR_NAMES, &names);
    if (status == SEC_E_OK)
        c->user = names.sUserName;
    else if (status != SEC_I_CONTINUE_NEEDED)
        forget(c);
    return status;
}

/* Runs the login as far as this request takes it and answers. False: the connection is over. */
static bool answer(struct connection *c, const char *authorization)
{
    struct scheme *used = NULL;
    SECURITY_STATUS status = c->user ? SEC_E_OK : SEC_E_NO_CREDENTIALS;
    const char *token = c->base64;
    int length;

    c->base64[0] = '\0';
    for (size_t i = 0; authorization && i < SCHEMES; i++) {
        size_t name = strlen(schemes[i].name);
        if (strncasecmp(authorization, schemes[i].name, name) || authorization[name] != ' ')
            continue;
        long size = from_base64(authorization + name + strspn(authorization + name, " "), c->token,
                                sizeof c->token);
        used = &schemes[i];
        status = size < 0 ? SEC_E_INVALID_TOKEN : leg(c, used, size);
    }
    printf("%s 0x%08x %s\n", used ? used->name : "-", (unsigned)status, c->user ? c->user : "");

    if (c->user) { /* the last token proves to the client who we are (mutual authentication) */
        length =
            snprintf(c->reply, sizeof c->reply,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "%s%s%s%s%sContent-Length: %zu\r\n\r\n%s\n",
                     *token ? "WWW-Authenticate: " : "", *token ? used->name : "",
                     *token ? " " : "", token, *token ? "\r\n" : "", strlen(c->user) + 1, c->user);
    } else if (*token) {
        length = snprintf(c->reply, sizeof c->reply,
                          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: %s %s\r\n"
                          "Content-Length: 0\r\n\r\n",
                          used->name, token);
    } else {
        length = snprintf(c->reply, sizeof c->reply,
                          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n"
                          "WWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n");
    }
    return send(c->socket, c->reply, (size_t)length, 0) == length;
}

/* Answers the request that ends at `end`. False: the connection is over. */
static bool handle(struct connection *c, char *end)
{
    char *authorization = NULL, *next = NULL;
    bool body = false;

    *end = '\0';
    for (char *line = strtok_r(c->request, "\r\n", &next); line;
         line = strtok_r(NULL, "\r\n", &next)) {
        if (!strncasecmp(line, "Authorization:", 14))
            authorization = line + 14 + strspn(line + 14, " \t");
        body |= !strncasecmp(line, "Transfer-Encoding:", 18) ||
                (!strncasecmp(line, "Content-Length:", 15) && atol(line + 15));
    }
    return answer(c, authorization) && !body; /* nobody reads bodies here */
}

static void *serve(void *argument)
{
    struct connection *c = argument;
    size_t have = 0;
    ssize_t got;
    char *end;

    while (have < MAX_REQUEST &&
           (got = recv(c->socket, c->request + have, MAX_REQUEST - have, 0)) > 0) {
        c->request[have += (size_t)got] = '\0';
        while ((end = strstr(c->request, "\r\n\r\n"))) {
            if (!handle(c, end))
                goto done;
            have -= (size_t)(end + 4 - c->request);
            memmove(c->request, end + 4, have + 1);
        }
    }
done:
    forget(c);
    close(c->socket);
    free(c);
    return NULL;
}

int main(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval idle = {.tv_sec = 30};
    socklen_t size = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < SCHEMES; i++) {
        SECURITY_STATUS status =
            AcquireCredentialsHandleA(NULL, (SEC_CHAR *)schemes[i].name, SECPKG_CRED_INBOUND, NULL,
                                      NULL, NULL, NULL, &schemes[i].credential, NULL);
        if (status != SEC_E_OK) {
            fprintf(stderr, "http-server: %s: 0x%08x\n", schemes[i].name, (unsigned)status);
            return 1;
        }
    }
    if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&here, &size)) {
        perror("http-server");
        return 1;
    }
    printf("http://127.0.0.1:%u/\n", (unsigned)ntohs(here.sin_port));
    for (;;) {
        struct connection *c = calloc(1, sizeof *c);
        pthread_t thread;
        if (!c || (c->socket = accept(listener, NULL, NULL)) < 0) {
            free(c);
            usleep(100000); /* out of memory or descriptors: others have to finish first */
            continue;
        }
        setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
        if (pthread_create(&thread, NULL, serve, c)) {
            close(c->socket);
            free(c);
        } else {
            pthread_detach(thread);
        }
    }
}
