/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of SPNEGO in DER (RFC 4178 4.2, MS-SPNG 2.2.1) and the GSS framing of first tokens
 * (RFC 2743 3.1). Nothing is allocated to read a token: what is found are views of the peer's
 * bytes, all checked to lie inside.
 */
#ifndef LIBSSPI_NEGOTIATE_DER_H
#define LIBSSPI_NEGOTIATE_DER_H

#include <stdbool.h>

#include "memory.h"

enum neg_state { /* NegTokenResp negState */
    NEG_ACCEPT_COMPLETED = 0,
    NEG_ACCEPT_INCOMPLETE = 1,
    NEG_REJECT = 2,
    NEG_REQUEST_MIC = 3,
    NEG_NO_STATE = 4 /* the field is absent */
};

/* An optional field: data is not NULL when it is there, even when it is empty. */
struct neg_init {
    struct sspi_view
        mech_types; /* the MechTypeList with its SEQUENCE header, as the MIC covers it; no data
                       when it is missing or empty (fact.spnego.no-mechtypes) */
    struct sspi_view mech_token;
    struct sspi_view mic;
    bool hint; /* negHints are there: NegTokenInit2, the acceptor's own first token */
};

struct neg_resp {
    enum neg_state state;
    struct sspi_view supported_mech; /* contents of the OID */
    struct sspi_view token;
    struct sspi_view mic;
};

enum neg_trailing {
    NEG_TRAILING_IGNORED, /* bytes behind the first token: trig.spnego.trailing */
    NEG_TRAILING_REFUSED
};

/* Splits 60 len 06 oid inner. false: not framed so. */
bool neg_unframe(struct sspi_view token, struct sspi_view *oid, struct sspi_view *inner);

/* [in] token: from the [0] on, without GSS framing. */
bool neg_init_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_init *init);
bool neg_resp_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_resp *resp);

/* Takes the next OID off a list (at first: neg_mechs of mech_types). false: the list is empty or
 * broken; neg_init_decode refuses broken lists, so for its result it means empty. */
struct sspi_view neg_mechs(struct sspi_view mech_types);
bool neg_next_mech(struct sspi_view *mechs, struct sspi_view *oid);

/* false: memory is out. [out] out: the caller's. */
bool neg_mech_types_encode(const struct sspi_view *oids, size_t count, struct sspi_blob *out);
/* With GSS framing. mech_token without data is left out; with init->hint the placeholder hintName
 * of MS-SPNG 3.2.5.2 is written. The MIC of an initial token is never written. */
bool neg_init_encode(const struct neg_init *init, struct sspi_blob *out);
bool neg_resp_encode(const struct neg_resp *resp, struct sspi_blob *out);

#endif
