/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the NTLM package share: credentials, contexts, the mapping of flags.
 */
#ifndef LIBSSPI_NTLM_CONTEXT_H
#define LIBSSPI_NTLM_CONTEXT_H

#include <stdatomic.h>

#include "authority/authority.h"
#include "config.h"
#include "ntlm/protect.h"
#include "package.h"

enum ntlm_identity {
    NTLM_DEFAULT,      /* none was given: there is no logon session to take one from */
    NTLM_NULL_SESSION, /* empty user and password */
    NTLM_USER
};

/* Read-only once acquired. Contexts hold a reference: a leg may come without the credential, and
 * the handle may be freed before the context is finished. */
struct ntlm_credential {
    atomic_uint references;
    bool inbound, outbound;
    struct sspi_config config;
    /* outbound */
    enum ntlm_identity identity;
    char *user, *domain; /* never NULL; an empty domain when none was given */
    struct sspi_blob user16, domain16, workstation16; /* as AUTHENTICATE carries them */
    uint8_t ntowf[16]; /* NTOWFv2, a secret; the password itself is not kept */
    /* LmCompatibilityLevel below 3 only, secrets as well: */
    uint8_t nt_hash[16], lm_hash[16];
    bool has_lm_hash;
    /* inbound */
    struct sspi_blob
        challenge; /* a CHALLENGE with flags, challenge and timestamp left to fill in */
};

enum ntlm_state {
    NTLM_WAITING, /* for CHALLENGE or AUTHENTICATE */
    NTLM_DONE,
    NTLM_FAILED
};

struct ntlm_context {
    struct ntlm_credential *credential; /* a reference of our own */
    bool is_client;
    enum ntlm_state state;
    ULONG req;      /* ISC_REQ_* or ASC_REQ_* of all legs so far */
    ULONG ret;      /* ISC_RET_* or ASC_RET_* of the last leg */
    uint32_t flags; /* offered in NEGOTIATE (client) or CHALLENGE (server), then negotiated */
    struct sspi_blob negotiate, challenge; /* sent and received, for the MIC */
    char *target;    /* client: pszTargetName; server: MsvAvTargetName. NULL without */
    char *name;      /* DOMAIN\user of the client, when done */
    char *authority; /* the domain that vouches, when done */
    bool is_anonymous, has_mic;
    uint8_t session_key[16];           /* ExportedSessionKey */
    struct ntlm_protection protection; /* when done */
    uint64_t start, end;               /* FILETIME */
    uint64_t password_expires;         /* FILETIME, 0: not known */
};

/* credential.c: the members of struct sspi_package. */
SECURITY_STATUS ntlm_acquire(const struct sspi_cred_request *request, void **credential,
                             TimeStamp *expiry);
void ntlm_release(void *credential);
SECURITY_STATUS ntlm_credential_name(void *credential, char **name);

/* context.c. [out] context: a new one with a reference to the credential, or NULL: no memory. */
struct ntlm_context *ntlm_context_new(struct ntlm_credential *credential, bool is_client);
void ntlm_context_free(void *context);
/* The leg went well: bits and expiry for the caller. */
void ntlm_leg_done(struct ntlm_context *context, struct sspi_leg *leg);
/* "DOMAIN\user", or "user" without a domain; NULL: no memory. */
char *ntlm_full_name(const char *domain, const char *user);
/* Text of a message as UTF-8: UTF-16 when the flags say Unicode, else OEM, of which only ASCII is
 * the same in every code page. SEC_E_INVALID_TOKEN when it is neither. */
SECURITY_STATUS ntlm_text(struct sspi_view bytes, uint32_t flags, char **text);
/* What is the same in every OEM code page. */
bool ntlm_is_ascii(const char *text, size_t size);

/* flags.c: between context requirements and NegotiateFlags. */
uint32_t ntlm_flags_to_offer(ULONG isc_req, int lm_level);
/* Of the CHALLENGE with which a connectionless exchange begins. */
uint32_t ntlm_flags_of_datagram(void);
uint32_t ntlm_flags_to_challenge(uint32_t offered);
uint32_t ntlm_flags_to_authenticate(uint32_t offered, uint32_t challenge);
ULONG ntlm_isc_ret(ULONG isc_req, uint32_t flags, bool is_anonymous);
ULONG ntlm_asc_ret(ULONG asc_req, uint32_t flags, bool is_anonymous);

/* challenge.c: the acceptor's first leg, as struct sspi_package's accept. */
#define NTLM_CHALLENGE_BYTES 24 /* where ServerChallenge stands in a CHALLENGE */
SECURITY_STATUS ntlm_challenge(struct ntlm_credential *credential, void **context,
                               struct sspi_leg *leg);

/* initiate.c, accept.c, query.c: members of struct sspi_package. */
SECURITY_STATUS ntlm_initiate(void *credential, void **context, struct sspi_leg *leg);
SECURITY_STATUS ntlm_accept(void *credential, void **context, struct sspi_leg *leg);
SECURITY_STATUS ntlm_query(void *context, struct sspi_attribute *attribute);

#endif
