/* SPDX-License-Identifier: Apache-2.0
 *
 * A Kerberos security context, and what its parts (initiate.c, accept.c, seal.c, sign.c, query.c)
 * ask of each other.
 */
#ifndef LIBSSPI_KERBEROS_CONTEXT_H
#define LIBSSPI_KERBEROS_CONTEXT_H

#include <krb5.h>

#include "../package.h"
#include "aes.h"
#include "checksum.h"
#include "credential.h"
#include "enctypes.h"
#include "framing.h"
#include "pool.h"
#include "status.h"

#define SSPI_KRB_MAX_TOKEN 48000 /* Windows since 2012 */

enum sspi_krb_state {
    SSPI_KRB_START,        /* nothing sent */
    SSPI_KRB_WAIT_TGT,     /* initiator, user-to-user: TGT-REQ is out */
    SSPI_KRB_WAIT_REPLY,   /* initiator: AP-REQ is out */
    SSPI_KRB_WAIT_THIRD,   /* acceptor in DCE style: AP-REP is out */
    SSPI_KRB_WAIT_REQUEST, /* acceptor, user-to-user: TGT-REP is out */
    SSPI_KRB_WAIT_AGAIN,   /* acceptor: a KRB-ERROR with our time is out */
    SSPI_KRB_DONE,
    SSPI_KRB_FAILED
};

struct sspi_krb_context {
    enum sspi_krb_state state;
    bool initiator;
    bool retried;   /* after a clock-skew error the AP-REQ was made, or asked for, again */
    ULONG req;      /* ISC_REQ_* of the first leg, ASC_REQ_* */
    uint32_t flags; /* of the checksum: SSPI_KRB_* */
    struct sspi_bindings bindings; /* initiator: for a second AP-REQ */
    bool bare;                     /* tokens have no GSS header (DCE style) */
    bool user2user;                /* tokens have the header of user-to-user */
    krb5_auth_context auth;        /* until the context is done */
    krb5_creds *ticket;            /* initiator, until the context is done */
    krb5_keyblock *tgt_key; /* acceptor, user-to-user: what tickets are encrypted in; else NULL */
    char *target;           /* as the initiator gave it; acceptor: AD 144 */
    char *client, *server, *realm; /* principals, and the realm of the client */
    krb5_timestamp start, end;     /* of the ticket */
    krb5_ccache delegated;         /* acceptor: the forwarded TGT, MEMORY, or NULL */
    krb5_ticket *evidence;         /* acceptor: the client's ticket, if it is forwardable */

    /* Message protection, once done. */
    krb5_keyblock *session_key;             /* also SESSION_KEY */
    const struct sspi_krb_enctype *enctype; /* NULL: one that is not known here */
    bool acceptor_subkey;
    struct {
        struct sspi_krb_aes *encrypt, *decrypt, *sign[2], *verify[2]; /* 0: MIC, 1: wrap token */
    } aes;        /* crypto.c derives them when the first message needs them */
    krb5_key key; /* likewise, where it is not AES */
    uint64_t send_sequence, receive_sequence;
};

/* Two of the functions of struct sspi_package each. */
SECURITY_STATUS sspi_krb_initiate(void *credential, void **context, struct sspi_leg *leg);
SECURITY_STATUS sspi_krb_accept(void *credential, void **context, struct sspi_leg *leg);
void sspi_krb_free_context(void *context);
SECURITY_STATUS sspi_krb_query(void *context, struct sspi_attribute *attribute);
SECURITY_STATUS sspi_krb_sign(void *context, ULONG qop, SecBufferDesc *message);
SECURITY_STATUS sspi_krb_verify(void *context, SecBufferDesc *message, ULONG *qop);
SECURITY_STATUS sspi_krb_encrypt(void *context, ULONG qop, SecBufferDesc *message);
SECURITY_STATUS sspi_krb_decrypt(void *context, SecBufferDesc *message, ULONG *qop);
SECURITY_STATUS sspi_krb_make_mic(void *context, struct sspi_view data, struct sspi_blob *mic);
SECURITY_STATUS sspi_krb_check_mic(void *context, struct sspi_view data, struct sspi_view mic);

/* Takes the keys and sequence numbers out of context->auth and drops it.
 * answered: there was an AP-REP, so both sides have sequence numbers of their own. */
SECURITY_STATUS sspi_krb_finish(struct sspi_krb_context *context, krb5_context krb5, bool answered);
/* Keeps the names of both principals. 0 or ENOMEM. */
krb5_error_code sspi_krb_keep_names(struct sspi_krb_context *context, krb5_context krb5,
                                    krb5_const_principal client, krb5_const_principal server);
/* A libkrb5 time in local time, as SSPI reports it. */
TimeStamp sspi_krb_local_time(krb5_timestamp time);
/* Fills leg->ret and leg->expiry. */
void sspi_krb_report(const struct sspi_krb_context *context, struct sspi_leg *leg);
/* Frames message into leg->output. */
SECURITY_STATUS sspi_krb_send(const struct sspi_krb_context *context, enum sspi_krb_token id,
                              const krb5_data *message, struct sspi_leg *leg);
/* Takes the token of a later leg apart; message points into it. SEC_E_OK or SEC_E_INVALID_TOKEN.
 * [out] bare: it has no header at all. */
SECURITY_STATUS sspi_krb_receive(const struct sspi_krb_context *context, struct sspi_view token,
                                 unsigned *id, bool *bare, struct sspi_view *message);

#endif
