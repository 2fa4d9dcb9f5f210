/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutations inside AP-REQ and AP-REP.
 */
#include "kerberos_repair.h"

#include "fuzz.h"
#include "kerberos/framing.h"
#include "negotiate/der.h"

/* Exported by libkrb5, but in no header of it. */
krb5_error_code decode_krb5_ap_req(const krb5_data *code, krb5_ap_req **out);
krb5_error_code encode_krb5_ap_req(const krb5_ap_req *request, krb5_data **out);
krb5_error_code decode_krb5_ap_rep(const krb5_data *code, krb5_ap_rep **out);
krb5_error_code encode_krb5_ap_rep(const krb5_ap_rep *reply, krb5_data **out);
krb5_error_code decode_krb5_enc_tkt_part(const krb5_data *code, krb5_enc_tkt_part **out);
krb5_error_code decode_krb5_authenticator(const krb5_data *code, krb5_authenticator **out);
krb5_error_code encode_krb5_authenticator(const krb5_authenticator *part, krb5_data **out);
krb5_error_code encode_krb5_cred(const krb5_cred *cred, krb5_data **out);
krb5_error_code encode_krb5_enc_cred_part(const krb5_cred_enc_part *part, krb5_data **out);
void krb5_free_ap_req(krb5_context krb5, krb5_ap_req *request);
void krb5_free_ap_rep(krb5_context krb5, krb5_ap_rep *reply);
void krb5_free_enc_tkt_part(krb5_context krb5, krb5_enc_tkt_part *part);

#define USAGE_TICKET 2
#define USAGE_AUTHENTICATOR 11
#define USAGE_REPLY 12
#define USAGE_CRED 14

static krb5_data data_of(struct sspi_view view)
{
    return (krb5_data){KV5M_DATA, (unsigned)view.size, (char *)(uintptr_t)view.data};
}

static struct sspi_view view_of(const krb5_data *data)
{
    return (struct sspi_view){(const uint8_t *)data->data, data->length};
}

/* A mutation: a byte that says how, then what. [out]: sspi_blob_free it. */
static struct sspi_blob mutated(struct sspi_view bytes, struct sspi_view how)
{
    struct sspi_blob out = {NULL, 0};
    uint32_t kind = fuzz_number(&how, 1) % 4;
    if (kind == 1) { /* cut */
        size_t size = fuzz_number(&how, 2);
        bytes.size = size < bytes.size ? size : bytes.size;
    }
    if (kind == 2) { /* replaced */
        MUST(sspi_blob_copy(&out, how.data, how.size));
        return out;
    }
    size_t more = kind == 3 ? how.size : 0; /* longer */
    MUST(sspi_blob_alloc(&out, bytes.size + more));
    if (bytes.size)
        memcpy(out.data, bytes.data, bytes.size);
    if (more)
        memcpy(out.data + bytes.size, how.data, more);
    while (kind < 2 && out.size && how.size >= 3) {
        size_t place = fuzz_number(&how, 2) % out.size;
        out.data[place] ^= (uint8_t)fuzz_number(&how, 1);
    }
    return out;
}

/* [out]: sspi_blob_free it; empty when the key does not fit or nothing is inside. */
static struct sspi_blob opened(krb5_context krb5, const krb5_keyblock *key, krb5_keyusage usage,
                               const krb5_enc_data *sealed)
{
    struct sspi_blob out = {NULL, 0};
    krb5_data plain;
    if (!key->contents || !sealed->ciphertext.length)
        return out;
    MUST(sspi_blob_alloc(&out, sealed->ciphertext.length));
    plain = data_of(sspi_blob_view(&out));
    if (krb5_c_decrypt(krb5, key, usage, NULL, sealed, &plain) != 0 || !plain.length)
        sspi_blob_free(&out);
    else
        out.size = plain.length;
    return out;
}

/* Replaces the ciphertext, which libkrb5 frees. */
static void seal(krb5_context krb5, const krb5_keyblock *key, krb5_keyusage usage,
                 struct sspi_view plain, krb5_enc_data *sealed)
{
    krb5_data given = data_of(plain);
    size_t size;
    WORLD_MUST(krb5_c_encrypt_length(krb5, key->enctype, plain.size, &size));
    free(sealed->ciphertext.data);
    sealed->ciphertext.data = calloc(1, size ? size : 1);
    MUST(sealed->ciphertext.data);
    sealed->ciphertext.length = (unsigned)size;
    sealed->enctype = key->enctype;
    WORLD_MUST(krb5_c_encrypt(krb5, key, usage, NULL, &given, sealed));
}

/* The session key of a ticket that is encrypted in that key. false: it is not. */
static bool session_key(krb5_context krb5, const krb5_keyblock *key, const krb5_ticket *ticket,
                        krb5_keyblock *session)
{
    krb5_enc_tkt_part *part = NULL;
    struct sspi_blob plain = opened(krb5, key, USAGE_TICKET, &ticket->enc_part);
    krb5_data code = data_of(sspi_blob_view(&plain));
    bool good = plain.size && decode_krb5_enc_tkt_part(&code, &part) == 0;
    if (good) {
        krb5_free_keyblock_contents(krb5, session);
        WORLD_MUST(krb5_copy_keyblock_contents(krb5, part->session, session));
        krb5_free_enc_tkt_part(krb5, part);
    }
    sspi_blob_free(&plain);
    return good;
}

/* ---- the layers of an AP-REQ ---------------------------------------------------------------- */

/* Gives the checksum a KRB-CRED whose encrypted part is mutated, and the flag that says so. */
static void delegate(struct fuzz_realm *realm, krb5_checksum *checksum, krb5_ticket *ticket,
                     struct sspi_view how)
{
    krb5_context krb5 = realm->world.krb5;
    krb5_cred_info info = {.session = &realm->tgt_key, .times = {.endtime = INT32_MAX}};
    krb5_cred_info *infos[] = {&info, NULL};
    krb5_ticket *tickets[] = {ticket, NULL};
    krb5_cred_enc_part part = {.ticket_info = infos};
    krb5_cred cred = {.tickets = tickets};
    krb5_data *plain = NULL, *whole = NULL;

    WORLD_MUST(krb5_parse_name(krb5, WORLD_CLIENT, &info.client));
    WORLD_MUST(krb5_parse_name(krb5, "krbtgt/" WORLD_REALM "@" WORLD_REALM, &info.server));
    WORLD_MUST(encode_krb5_enc_cred_part(&part, &plain));
    struct sspi_blob changed = mutated(view_of(plain), how);
    seal(krb5, &realm->session, USAGE_CRED, sspi_blob_view(&changed), &cred.enc_part);
    WORLD_MUST(encode_krb5_cred(&cred, &whole));
    free(checksum->contents);
    checksum->length = 28 + whole->length;
    checksum->contents = calloc(1, checksum->length);
    MUST(checksum->contents);
    checksum->contents[0] = 16;    /* Lgth */
    checksum->contents[20] = 0x3b; /* DELEG and what else there is */
    checksum->contents[24] = 1;    /* DlgOpt */
    checksum->contents[26] = (uint8_t)whole->length;
    checksum->contents[27] = (uint8_t)(whole->length >> 8);
    memcpy(checksum->contents + 28, whole->data, whole->length);
    sspi_blob_free(&changed);
    krb5_free_data(krb5, plain);
    krb5_free_data(krb5, whole);
    free(cred.enc_part.ciphertext.data);
    krb5_free_principal(krb5, info.client);
    krb5_free_principal(krb5, info.server);
}

static void change_bytes(unsigned *length, krb5_octet **contents, struct sspi_view how)
{
    struct sspi_blob changed = mutated((struct sspi_view){*contents, *length}, how);
    free(*contents);
    *contents = fuzz_copy(sspi_blob_view(&changed));
    *length = (unsigned)changed.size;
    sspi_blob_free(&changed);
}

/* The authenticator's plaintext, with one part of it mutated. [out]: sspi_blob_free it. */
static struct sspi_blob change_part(struct fuzz_realm *realm, struct sspi_view plain,
                                    enum fuzz_layer layer, struct sspi_view how,
                                    krb5_ticket *ticket)
{
    struct sspi_blob out = {NULL, 0};
    krb5_data code = data_of(plain), *again = NULL;
    krb5_authenticator *part = NULL;
    if (decode_krb5_authenticator(&code, &part) != 0) {
        MUST(sspi_blob_copy(&out, plain.data, plain.size));
        return out;
    }
    if (layer == FUZZ_CHECKSUM && part->checksum)
        change_bytes(&part->checksum->length, &part->checksum->contents, how);
    if (layer == FUZZ_DELEGATION && part->checksum)
        delegate(realm, part->checksum, ticket, how);
    if (layer == FUZZ_AUTHDATA && part->authorization_data && part->authorization_data[0])
        change_bytes(&part->authorization_data[0]->length, &part->authorization_data[0]->contents,
                     how);
    WORLD_MUST(encode_krb5_authenticator(part, &again));
    MUST(sspi_blob_copy(&out, again->data, again->length));
    krb5_free_data(realm->world.krb5, again);
    krb5_free_authenticator(realm->world.krb5, part);
    return out;
}

static void change_authenticator(struct fuzz_realm *realm, krb5_ap_req *request,
                                 enum fuzz_layer layer, struct sspi_view how)
{
    krb5_context krb5 = realm->world.krb5;
    krb5_enc_data *sealed = &request->authenticator;
    struct sspi_blob plain = opened(krb5, &realm->session, USAGE_AUTHENTICATOR, sealed);
    if (!plain.size)
        return;
    struct sspi_blob changed =
        layer == FUZZ_AUTHENTICATOR
            ? mutated(sspi_blob_view(&plain), how)
            : change_part(realm, sspi_blob_view(&plain), layer, how, request->ticket);
    seal(krb5, &realm->session, USAGE_AUTHENTICATOR, sspi_blob_view(&changed), sealed);
    sspi_blob_free(&changed);
    sspi_blob_free(&plain);
}

/* Encrypts the ticket in another key (FUZZ_USER_TO_USER), or its mutated plaintext in the same one.
 */
static void change_ticket(struct fuzz_realm *realm, krb5_ap_req *request, enum fuzz_layer layer,
                          struct sspi_view how)
{
    krb5_context krb5 = realm->world.krb5;
    krb5_enc_data *sealed = &request->ticket->enc_part;
    struct sspi_blob plain = opened(krb5, &realm->world.key, USAGE_TICKET, sealed);
    struct sspi_blob changed = mutated(sspi_blob_view(&plain), how);
    bool lent = layer == FUZZ_USER_TO_USER;
    if (lent)
        request->ap_options |= (krb5_flags)AP_OPTS_USE_SESSION_KEY;
    if (plain.size)
        seal(krb5, lent ? &realm->tgt_key : &realm->world.key, USAGE_TICKET,
             sspi_blob_view(lent && !how.size ? &plain : &changed), sealed);
    sspi_blob_free(&changed);
    sspi_blob_free(&plain);
}

static bool change_request(struct fuzz_realm *realm, enum fuzz_layer layer, struct sspi_view how,
                           struct sspi_blob *message)
{
    krb5_data code = data_of(sspi_blob_view(message)), *again = NULL;
    krb5_ap_req *request = NULL;
    if (decode_krb5_ap_req(&code, &request) != 0)
        return false;
    session_key(realm->world.krb5, &realm->world.key, request->ticket, &realm->session);
    if (layer == FUZZ_OPTIONS)
        request->ap_options ^= (krb5_flags)fuzz_number(&how, 4);
    else if (layer == FUZZ_TICKET || layer == FUZZ_USER_TO_USER)
        change_ticket(realm, request, layer, how);
    else
        change_authenticator(realm, request, layer, how);
    WORLD_MUST(encode_krb5_ap_req(request, &again));
    sspi_blob_free(message);
    MUST(sspi_blob_copy(message, again->data, again->length));
    krb5_free_data(realm->world.krb5, again);
    krb5_free_ap_req(realm->world.krb5, request);
    return true;
}

static bool change_reply(struct fuzz_realm *realm, struct sspi_view how, struct sspi_blob *message)
{
    krb5_context krb5 = realm->world.krb5;
    krb5_data code = data_of(sspi_blob_view(message)), *again = NULL;
    krb5_ap_rep *reply = NULL;
    if (decode_krb5_ap_rep(&code, &reply) != 0)
        return false;
    struct sspi_blob plain = opened(krb5, &realm->session, USAGE_REPLY, &reply->enc_part);
    if (plain.size) {
        struct sspi_blob changed = mutated(sspi_blob_view(&plain), how);
        seal(krb5, &realm->session, USAGE_REPLY, sspi_blob_view(&changed), &reply->enc_part);
        sspi_blob_free(&changed);
    }
    WORLD_MUST(encode_krb5_ap_rep(reply, &again));
    sspi_blob_free(message);
    MUST(sspi_blob_copy(message, again->data, again->length));
    sspi_blob_free(&plain);
    krb5_free_data(krb5, again);
    krb5_free_ap_rep(krb5, reply);
    return true;
}

static void step(struct fuzz_realm *realm, enum fuzz_layer layer, struct sspi_view how,
                 struct sspi_blob *message)
{
    if (layer == FUZZ_REPLY) {
        change_reply(realm, how, message);
    } else if (layer != FUZZ_MESSAGE) {
        change_request(realm, layer, how, message);
    } else {
        struct sspi_blob changed = mutated(sspi_blob_view(message), how);
        sspi_blob_free(message);
        *message = changed;
    }
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Where the Kerberos token is in one of SPNEGO; false: it is not SPNEGO. */
static bool inside_spnego(struct sspi_view token, struct neg_init *init, struct neg_resp *resp,
                          struct sspi_view *mech)
{
    struct sspi_view oid, inner;
    *init = (struct neg_init){.hint = false};
    *resp = (struct neg_resp){.state = NEG_NO_STATE};
    if (neg_unframe(token, &oid, &inner) && neg_init_decode(inner, NEG_TRAILING_IGNORED, init))
        *mech = init->mech_token;
    else if (neg_resp_decode(token, NEG_TRAILING_IGNORED, resp))
        *mech = resp->token;
    else
        return false;
    return mech->size > 0;
}

static void repair_mech(struct fuzz_realm *realm, struct sspi_view token, struct sspi_view recipe,
                        struct sspi_blob *out)
{
    enum sspi_krb_token id = SSPI_KRB_AP_REQ;
    struct sspi_blob message = {NULL, 0};
    struct sspi_view inside;
    unsigned other = 0;
    bool bare = false;
    SECURITY_STATUS status = sspi_krb_unframe(token, &id, &bare, &inside);
    bool lent = status == SEC_E_UNSUPPORTED_FUNCTION;
    if (lent)
        status = sspi_krb_unframe_user2user(token, &other, &inside);
    if (status != SEC_E_OK) {
        MUST(sspi_blob_copy(out, token.data, token.size));
        return;
    }
    MUST(sspi_blob_copy(&message, inside.data, inside.size));
    while (recipe.size) {
        enum fuzz_layer layer = (enum fuzz_layer)(fuzz_number(&recipe, 1) % FUZZ_LAYERS);
        step(realm, layer, fuzz_take(&recipe, fuzz_number(&recipe, 2)), &message);
        if (layer == FUZZ_USER_TO_USER && !lent) {
            lent = true;
            other = id;
        }
    }
    MUST(lent ? sspi_krb_frame_user2user(other, sspi_blob_view(&message), out)
              : sspi_krb_frame(id, bare, sspi_blob_view(&message), out));
    sspi_blob_free(&message);
}

struct sspi_blob fuzz_kerberos_repair(struct fuzz_realm *realm, struct sspi_view token,
                                      struct sspi_view recipe)
{
    struct sspi_blob out = {NULL, 0}, mech = {NULL, 0};
    struct neg_init init;
    struct neg_resp resp;
    struct sspi_view inside;
    if (!inside_spnego(token, &init, &resp, &inside)) {
        repair_mech(realm, token, recipe, &out);
        return out;
    }
    repair_mech(realm, inside, recipe, &mech);
    if (init.mech_token.size) {
        init.mech_token = sspi_blob_view(&mech);
        MUST(neg_init_encode(&init, &out));
    } else {
        resp.token = sspi_blob_view(&mech);
        MUST(neg_resp_encode(&resp, &out));
    }
    sspi_blob_free(&mech);
    return out;
}

void fuzz_kerberos_note(struct fuzz_realm *realm, struct sspi_view token)
{
    struct sspi_view inside = token, message;
    struct neg_init init;
    struct neg_resp resp;
    enum sspi_krb_token id;
    bool bare;
    krb5_ap_req *request = NULL;
    inside_spnego(token, &init, &resp, &inside);
    if (sspi_krb_unframe(inside, &id, &bare, &message) != SEC_E_OK || id != SSPI_KRB_AP_REQ)
        return;
    krb5_data code = data_of(message);
    if (decode_krb5_ap_req(&code, &request) != 0)
        return;
    session_key(realm->world.krb5, &realm->world.key, request->ticket, &realm->session);
    krb5_free_ap_req(realm->world.krb5, request);
}
