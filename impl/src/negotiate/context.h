/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials and contexts of Negotiate, shared by its files.
 */
#ifndef LIBSSPI_NEGOTIATE_CONTEXT_H
#define LIBSSPI_NEGOTIATE_CONTEXT_H

#include "der.h"
#include "mechs.h"

/* Read-only once it is acquired, so that many contexts can use it at once. */
struct neg_credential {
    bool raw_ntlm;
    struct {
        const struct sspi_package *package; /* NULL: excluded, or not in this library */
        SECURITY_STATUS status; /* of its acquire; only SEC_E_OK makes the state usable */
        void *state;            /* owned */
    } mech[NEG_PACKAGES];
};

bool neg_credential_usable(const struct neg_credential *credential, enum neg_package package);

struct neg_context {
    bool initiator;
    bool raw;                                /* the mechanism's tokens without SPNEGO around them */
    const struct neg_credential *credential; /* outlives the context: the surface sees to it */

    /* The mechanism that runs; mech is NULL until one is chosen. */
    const struct neg_mech *mech;
    const struct sspi_package *package;
    void *mech_context; /* owned */
    unsigned mech_legs; /* calls into it that went well */
    bool mech_done;     /* it said SEC_E_OK */

    /* SPNEGO. */
    struct sspi_view mech_types; /* as they were on the wire, for the MIC */
    uint8_t short_list[64];      /* where an acceptor keeps them, when they fit */
    struct sspi_blob long_list;
    bool answered;     /* initiator: the first NegTokenResp came; acceptor: it was sent */
    bool hinted;       /* acceptor: NegTokenInit2 was sent */
    bool mic_required; /* RFC 4178 5: both must exchange one, if the mechanism can */
    bool mic_sent, mic_checked;
    bool complete;
    struct neg_fragments {
        struct sspi_blob in; /* as large as the peer's token will be */
        size_t received;
        struct sspi_blob out; /* our token, while pieces of it are left */
        size_t sent;
        SECURITY_STATUS status; /* of the leg that made it */
    } fragments;

    /* Kept for a mechanism that starts on a later leg, when the caller may not repeat them. */
    char *target;
    bool has_bindings;
    struct sspi_bindings bindings;

    /* The mechanism's newest answer, for legs on which it is not called. */
    ULONG ret;
    bool has_expiry;
    TimeStamp expiry;
};

/* One leg of the chosen mechanism. [in] token: NULL for none. [out] output: the mechanism's
 * token, the caller's to free, filled also beside an error. [in] extra_req: bits to add. */
SECURITY_STATUS neg_mech_leg(struct neg_context *context, const struct sspi_leg *leg,
                             const struct sspi_view *token, ULONG extra_req,
                             struct sspi_blob *output);
/* Chooses a mechanism, dropping the one before. */
void neg_mech_choose(struct neg_context *context, const struct neg_mech *mech);

/* The MIC over mech_types. neg_mic_make leaves mic empty, and says SEC_E_OK, for a mechanism that
 * has no integrity, and neg_mic_check lets any pass; otherwise SEC_E_MESSAGE_ALTERED. */
SECURITY_STATUS neg_mic_make(struct neg_context *context, struct sspi_blob *mic);
SECURITY_STATUS neg_mic_check(struct neg_context *context, struct sspi_view mic);
/* SEC_E_OK if the peer may go without a MIC, SEC_E_INVALID_TOKEN if not. */
SECURITY_STATUS neg_mic_missing(struct neg_context *context);
/* Whether this side sends a MIC with or after the mechanism's last token. */
bool neg_mic_wanted(const struct neg_context *context);

/* For everything SPNEGO handles: it goes over the wire as it is, so there is nothing to wipe. */
static inline void neg_token_free(struct sspi_blob *token)
{
    sspi_free(token->data);
    *token = (struct sspi_blob){NULL, 0};
}

/* Keeps a copy of the list. false: memory is out. */
bool neg_keep_mech_types(struct neg_context *context, struct sspi_view mech_types);

/* Puts resp into leg->output. */
SECURITY_STATUS neg_send(struct sspi_leg *leg, const struct neg_resp *resp);

/* vtable entries, in initiate.c and accept.c */
SECURITY_STATUS neg_initiate(void *credential, void **context, struct sspi_leg *leg);
SECURITY_STATUS neg_accept(void *credential, void **context, struct sspi_leg *leg);

/* One leg over whole tokens. */
typedef SECURITY_STATUS neg_step(struct neg_context *context, struct sspi_leg *leg);
/* Runs it, when the peer's token is complete; sends tokens that are too large in pieces. */
SECURITY_STATUS neg_fragmented(struct neg_context *context, struct sspi_leg *leg, neg_step *step);

/* A context for a first leg, or NULL. */
struct neg_context *neg_context_new(const struct neg_credential *credential, bool initiator,
                                    const struct sspi_leg *leg);
void neg_context_free(void *context);
/* A leg of a raw mechanism, straight through. */
SECURITY_STATUS neg_raw_leg(struct neg_context *context, struct sspi_leg *leg);
/* Copies the mechanism's newest attributes and expiry into the leg. */
void neg_report(const struct neg_context *context, struct sspi_leg *leg);

#endif
