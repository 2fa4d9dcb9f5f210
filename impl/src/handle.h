/* SPDX-License-Identifier: Apache-2.0
 *
 * The table behind CredHandle and CtxtHandle. A handle names a slot and a generation, never an
 * address: a stale, foreign or random handle finds nothing.
 *
 * Objects are counted: the table holds one reference, everybody who looks an object up another,
 * so that one thread may delete what a second one is using.
 */
#ifndef LIBSSPI_HANDLE_H
#define LIBSSPI_HANDLE_H

#include <sspi.h>
#include <stdatomic.h>
#include <stdbool.h>

enum sspi_handle_kind {
    SSPI_HANDLE_CREDENTIAL,
    SSPI_HANDLE_CONTEXT
};

/* The first member of whatever hides behind a handle. */
struct sspi_object {
    atomic_uint references;
    void (*destroy)(struct sspi_object *object); /* frees the object, at the last release */
};

/* One reference, the creator's. */
void sspi_object_init(struct sspi_object *object, void (*destroy)(struct sspi_object *object));
struct sspi_object *sspi_object_keep(struct sspi_object *object);
void sspi_object_release(struct sspi_object *object); /* NULL is harmless */

/* Publishes the object; the creator's reference becomes the table's. false: memory is out, the
 * reference is still the creator's, *handle is not written. */
bool sspi_handle_add(enum sspi_handle_kind kind, struct sspi_object *object, SecHandle *handle);
/* NULL for a NULL, stale or foreign handle, or one of the other kind. Release the result. */
struct sspi_object *sspi_handle_get(enum sspi_handle_kind kind, const SecHandle *handle);
/* As sspi_handle_get, and the handle is stale from now on. The result is the table's reference. */
struct sspi_object *sspi_handle_remove(enum sspi_handle_kind kind, const SecHandle *handle);

#endif
