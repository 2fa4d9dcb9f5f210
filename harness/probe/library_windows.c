/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <windows.h>

#include <stdio.h>
#include <string.h>

bool library_open(struct library *library, const char *path)
{
    memset(library, 0, sizeof *library);
    HMODULE module = LoadLibraryA(path);
    if (!module) {
        unsigned long code = GetLastError();
        fprintf(stderr,
                "sspi-probe: cannot load %s: error %lu\n"
                "  Next: give the path of the DLL, or secur32.dll for Windows' own SSPI.\n",
                path, code);
        return false;
    }
    library->module = module;
    return true;
}

/* Windows forwards exports of secur32.dll to sspicli.dll: no check of the address here. */
library_function library_find(const struct library *library, const char *name)
{
    FARPROC address = GetProcAddress((HMODULE)library->module, name);
    library_function function = NULL;

    memcpy(&function, &address, sizeof function);
    return function;
}
