/* SPDX-License-Identifier: Apache-2.0 */
#include "platform.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool platform_take_streams(struct streams *streams)
{
    int null = _open("NUL", _O_RDWR | _O_BINARY);
    streams->in = _dup(0);
    streams->out = _dup(1);
    if (null < 0 || streams->in < 0 || streams->out < 0 || _dup2(null, 0) != 0 ||
        _dup2(2, 1) != 0) {
        perror("sspi-probe: cannot take stdin and stdout");
        return false;
    }
    SetStdHandle(STD_INPUT_HANDLE, (HANDLE)_get_osfhandle(0));
    SetStdHandle(STD_OUTPUT_HANDLE, (HANDLE)_get_osfhandle(1));
    _setmode(streams->in, _O_BINARY);
    _setmode(streams->out, _O_BINARY);
    return true;
}

long platform_read(int in, void *bytes, size_t size)
{
    return _read(in, bytes, size < 0x7FFFFFFF ? (unsigned)size : 0x7FFFFFFFu);
}

bool platform_write(int out, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        int put = _write(out, from, size < 65536 ? (unsigned)size : 65536u);
        if (put <= 0)
            return false;
        from += put;
        size -= (size_t)put;
    }
    return true;
}

/* End of file on stdin ends the probe; a hang is the conductor's to kill. */
void platform_die_with_parent(void)
{
}

void platform_default_environment(const char *name, const char *value)
{
    if (!getenv(name))
        SetEnvironmentVariableA(name, value);
}

uint64_t platform_nanoseconds(void)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER now;

    if (frequency.QuadPart == 0)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t ticks = (uint64_t)now.QuadPart, per_second = (uint64_t)frequency.QuadPart;
    return ticks / per_second * 1000000000u + ticks % per_second * 1000000000u / per_second;
}

void platform_wipe(void *bytes, size_t size)
{
    SecureZeroMemory(bytes, size);
}

struct errand {
    void (*run)(void *argument);
    void *argument;
};

static DWORD WINAPI run_errand(void *argument)
{
    const struct errand *errand = argument;
    errand->run(errand->argument);
    return 0;
}

bool platform_on_a_thread(void (*run)(void *argument), void *argument)
{
    struct errand errand = {run, argument};
    HANDLE thread = CreateThread(NULL, 0, run_errand, &errand, 0, NULL);

    if (!thread)
        return false;
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    return true;
}

/* ---- crashes ------------------------------------------------------------------------------ */

static const char *volatile running_call;
static const char *volatile running_id;
static volatile size_t running_id_length;

void platform_running(const char *call, const char *id, size_t id_length)
{
    running_id = id;
    running_id_length = id_length;
    running_call = call;
}

void platform_running_also(const char *call)
{
    running_call = call;
}

static LONG WINAPI report_crash(EXCEPTION_POINTERS *exception)
{
    char line[256];
    size_t id_length = running_id_length < 64 ? running_id_length : 64;
    const char *call = running_call;

    int length =
        snprintf(line, sizeof line, "sspi-probe: exception 0x%08lx in %s (id %.*s)\n",
                 (unsigned long)exception->ExceptionRecord->ExceptionCode, call ? call : "no call",
                 call ? (int)id_length : 0, call ? running_id : "");
    if (length > 0)
        platform_write(2, line, (size_t)length);
    return EXCEPTION_EXECUTE_HANDLER; /* the end, with no dialogue and no debugger that somebody
                                         waits for */
}

void platform_report_crashes(void)
{
    SetUnhandledExceptionFilter(report_crash);
}
