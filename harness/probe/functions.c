/* SPDX-License-Identifier: Apache-2.0 */
#include "functions.h"

#include <stdio.h>
#include <string.h>

#define SLOT(function, number, is_suffixed)                                                        \
    {                                                                                              \
#function, offsetof(struct functions, function), number, is_suffixed                       \
    }

enum {
    LAST_SLOT_OF_VERSION_1 = 26,
    SET_CONTEXT_ATTRIBUTES_SLOT = 27
};

const struct function_slot function_slots[] = {
    SLOT(EnumerateSecurityPackages, 1, true),
    SLOT(QueryCredentialsAttributes, 2, true),
    SLOT(AcquireCredentialsHandle, 3, true),
    SLOT(FreeCredentialsHandle, 4, false),
    SLOT(InitializeSecurityContext, 6, true),
    SLOT(AcceptSecurityContext, 7, false),
    SLOT(CompleteAuthToken, 8, false),
    SLOT(DeleteSecurityContext, 9, false),
    SLOT(ApplyControlToken, 10, false),
    SLOT(QueryContextAttributes, 11, true),
    SLOT(ImpersonateSecurityContext, 12, false),
    SLOT(RevertSecurityContext, 13, false),
    SLOT(MakeSignature, 14, false),
    SLOT(VerifySignature, 15, false),
    SLOT(FreeContextBuffer, 16, false),
    SLOT(QuerySecurityPackageInfo, 17, true),
    SLOT(QuerySecurityContextToken, 24, false),
    SLOT(EncryptMessage, 25, false),
    SLOT(DecryptMessage, 26, false),
    SLOT(SetContextAttributes, SET_CONTEXT_ATTRIBUTES_SLOT, true),
};
const size_t function_slot_count = sizeof function_slots / sizeof function_slots[0];

/* Libraries whose table says version 1 and has SetContextAttributes all the same. */
static const char *const longer_tables[] = {"libwinpr", "libsspi"};

static bool known_longer(const char *path)
{
    const char *name = path;
    for (const char *c = path; *c; c++)
        if (*c == '/' || *c == '\\')
            name = c + 1;
    for (size_t i = 0; i < sizeof longer_tables / sizeof longer_tables[0]; i++)
        if (strncmp(name, longer_tables[i], strlen(longer_tables[i])) == 0)
            return true;
    return false;
}

/* Reading behind the end of a table would call whatever lies there. */
static bool slot_is_there(unsigned slot, uint32_t version, const char *path)
{
    return slot <= LAST_SLOT_OF_VERSION_1 || version >= 2 || known_longer(path);
}

static library_function from_table(const void *table, unsigned slot)
{
    library_function function;
    memcpy(&function, (const char *)table + slot * sizeof(void *), sizeof function);
    return function;
}

static library_function by_name(const struct library *library, const struct function_slot *slot,
                                bool ansi)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", slot->name, !slot->suffixed ? "" : ansi ? "A" : "W");
    return library_find(library, name);
}

/* The InitSecurityInterfaceEx family takes flags; called with none. */
static const void *call_entry(library_function entry, const char *name)
{
    if (strstr(name, "InterfaceEx"))
        return ((const void *(SEC_ENTRY *)(ULONG))entry)(0);
    return ((const void *(SEC_ENTRY *)(void))entry)();
}

static const void *find_table(struct functions *functions, const struct library *library,
                              const char *path, const char *wanted, bool ansi)
{
    const char *names[] = {ansi ? "InitSecurityInterfaceA" : "InitSecurityInterfaceW",
                           ansi ? "InitSecurityInterfaceExA" : "InitSecurityInterfaceExW"};
    library_function entry = NULL;

    if (wanted) {
        functions->entry = wanted;
        entry = library_find(library, wanted);
        if (!entry)
            fprintf(stderr,
                    "sspi-probe: %s has no function %s\n"
                    "  Next: leave --entry away to try %s, or list the names with `nm -D`.\n",
                    path, wanted, names[0]);
    } else {
        for (size_t i = 0; i < 2 && !entry; i++) {
            functions->entry = names[i];
            entry = library_find(library, names[i]);
        }
        if (!entry)
            fprintf(stderr,
                    "sspi-probe: %s has neither %s nor %s, so it is no SSPI library\n"
                    "  Next: give another library, %s, or name the entry point with --entry.\n",
                    path, names[0], names[1], ansi ? "leave --ansi away" : "try --ansi");
    }
    if (!entry)
        return NULL;
    const void *table = call_entry(entry, functions->entry);
    if (!table)
        fprintf(stderr,
                "sspi-probe: %s of %s returned no function table\n"
                "  Next: look at the library's own log; it failed to initialise.\n",
                functions->entry, path);
    return table;
}

bool functions_load(struct functions *functions, const struct library *library, const char *path,
                    const char *entry, bool ansi)
{
    memset(functions, 0, sizeof *functions);
    functions->ansi = ansi;
    const void *table = find_table(functions, library, path, entry, ansi);
    if (!table)
        return false;
    memcpy(&functions->table_version, table, sizeof functions->table_version);
    for (size_t i = 0; i < function_slot_count; i++) {
        const struct function_slot *slot = &function_slots[i];
        library_function function = NULL;
        /* By name first where the slot may not exist; else the table is what callers use. */
        if (slot->slot > LAST_SLOT_OF_VERSION_1)
            function = by_name(library, slot, ansi);
        if (!function && slot_is_there(slot->slot, functions->table_version, path))
            function = from_table(table, slot->slot);
        if (!function)
            function = by_name(library, slot, ansi);
        memcpy((char *)functions + slot->member, &function, sizeof function);
    }
    return true;
}

bool functions_have(const struct functions *functions, size_t member)
{
    library_function function;
    memcpy(&function, (const char *)functions + member, sizeof function);
    return function != NULL;
}
