/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct span_search {
    const struct link_map *map;
    struct library *library;
};

static int note_span(struct dl_phdr_info *info, size_t size, void *argument)
{
    const struct span_search *search = argument;
    struct library *library = search->library;

    (void)size;
    if (info->dlpi_addr != search->map->l_addr || strcmp(info->dlpi_name, search->map->l_name) != 0)
        return 0;
    library->low = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD)
            continue;
        uintptr_t low = info->dlpi_addr + header->p_vaddr;
        uintptr_t high = low + header->p_memsz;
        library->low = low < library->low ? low : library->low;
        library->high = high > library->high ? high : library->high;
    }
    return 1;
}

static void explain(const char *path, const char *reason)
{
    fprintf(stderr, "sspi-probe: cannot load %s: %s\n", path, reason ? reason : "no reason given");
    if (!strchr(path, '/') && access(path, F_OK) == 0)
        fprintf(stderr,
                "  A name without a slash is looked for in the system's library folders only.\n"
                "  Next: say ./%s for the file in the current folder.\n",
                path);
    else if (access(path, F_OK) != 0)
        fprintf(stderr, "  Next: give the path of the shared library, for example "
                        "build/libsspi.so once `make` has built it.\n");
    else
        fprintf(stderr, "  Next: install what it depends on; `ldd %s` lists what is missing.\n",
                path);
}

bool library_open(struct library *library, const char *path)
{
    struct link_map *map = NULL;

    memset(library, 0, sizeof *library);
    library->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library->module || dlinfo(library->module, RTLD_DI_LINKMAP, &map) != 0) {
        explain(path, dlerror());
        return false;
    }
    struct span_search search = {.map = map, .library = library};
    dl_iterate_phdr(note_span, &search);
    return true;
}

/* dlsym searches the dependencies too: a wrapper around one SSPI library would then lend its
 * functions to another. */
library_function library_find(const struct library *library, const char *name)
{
    void *address = dlsym(library->module, name);
    uintptr_t value = (uintptr_t)address;
    library_function function = NULL;

    if (address && value >= library->low && value < library->high)
        memcpy(&function, &address, sizeof function);
    return function;
}
