/* SPDX-License-Identifier: Apache-2.0 */
#include "handles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t hash(const char *name, size_t length)
{
    uint64_t value = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)name[i]) * 1099511628211u;
    return (size_t)(value ^ value >> 32);
}

/* The entry of that name, or the empty place where it belongs. */
static struct handle_entry *place(struct handle_entry *entries, size_t room, const char *name,
                                  size_t length)
{
    size_t at = hash(name, length) & (room - 1);
    while (entries[at].name &&
           (entries[at].length != length || memcmp(entries[at].name, name, length) != 0))
        at = (at + 1) & (room - 1);
    return &entries[at];
}

struct handle_entry *handles_find(const struct handles *handles, const char *name, size_t length)
{
    if (!handles->room)
        return NULL;
    struct handle_entry *entry = place(handles->entries, handles->room, name, length);
    return entry->name ? entry : NULL;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("sspi-probe: out of memory; free handles that are no longer needed\n", stderr);
        exit(2);
    }
    return memory;
}

static bool outdated(const struct handles *handles, const struct handle_entry *entry)
{
    return !entry->live && handles->frees - entry->freed > HANDLES_REMEMBERED;
}

/* Drop what was freed long ago, and grow when that is not enough. */
static void rebuild(struct handles *handles)
{
    size_t kept = 0;

    for (size_t i = 0; i < handles->room; i++)
        if (handles->entries[i].name && !outdated(handles, &handles->entries[i]))
            kept++;
    size_t room = handles->room ? handles->room : 1024;
    while (kept * 4 >= room)
        room *= 2;
    struct handle_entry *entries = allocate(room, sizeof *entries);
    for (size_t i = 0; i < handles->room; i++) {
        struct handle_entry *old = &handles->entries[i];
        if (!old->name)
            continue;
        if (outdated(handles, old))
            free(old->name);
        else
            *place(entries, room, old->name, old->length) = *old;
    }
    free(handles->entries);
    handles->entries = entries;
    handles->room = room;
    handles->used = kept;
}

void handles_store(struct handles *handles, const char *name, size_t length, SecHandle value)
{
    if (handles->used * 2 >= handles->room)
        rebuild(handles);
    struct handle_entry *entry = place(handles->entries, handles->room, name, length);
    if (!entry->name) {
        entry->name = allocate(length + 1, 1);
        memcpy(entry->name, name, length);
        entry->length = length;
        handles->used++;
    }
    entry->value = value;
    entry->live = true;
}

void handles_forget(struct handles *handles, struct handle_entry *entry)
{
    entry->live = false;
    entry->freed = ++handles->frees;
}

void handles_release(struct handles *handles)
{
    for (size_t i = 0; i < handles->room; i++)
        free(handles->entries[i].name);
    free(handles->entries);
    memset(handles, 0, sizeof *handles);
}
