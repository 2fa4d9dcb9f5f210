/* SPDX-License-Identifier: Apache-2.0
 *
 * sspi-probe: the command line and the loop over lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failalloc.h"
#include "platform.h"
#include "probe.h"

#define MAX_LINE ((size_t)256 * 1024 * 1024)

enum {
    EXIT_HARNESS = 2,
    EXIT_USAGE = 3
};

struct options {
    const char *path;
    const char *entry;
    bool ansi;
    bool no_signal_handler;
};

/* Lines of stdin. The memory behind what was read is kept free of what a line held. */
struct input {
    int descriptor;
    char *data;
    size_t room;
    size_t start; /* the first byte not handed out yet */
    size_t end;   /* behind the last byte read */
    bool finished;
};

static const char help[] =
    "usage: sspi-probe [--ansi] [--entry NAME] [--no-signal-handler] LIBRARY\n"
    "\n"
    "Host one SSPI implementation and speak JSON lines: a request on stdin, its answer on\n"
    "stdout. PROTOCOL.md beside the source describes the calls.\n"
    "\n"
    "  --ansi               use the A functions (strings are UTF-8) instead of the W ones\n"
    "  --entry NAME         the function that returns the function table; by default\n"
    "                       InitSecurityInterfaceW, else InitSecurityInterfaceExW\n"
    "  --no-signal-handler  leave SIGSEGV and the like to a debugger or sanitiser\n"
    "  --version            print version and protocol\n"
    "  --help               print this\n"
    "\n"
    "Exit: 0 end of stdin, 2 the library cannot be hosted, 3 wrong usage; a signal is the\n"
    "library's doing.\n"
    "\n"
    "Example:\n"
    "  $ echo '{\"id\": 1, \"call\": \"EnumerateSecurityPackages\"}' |"
    " sspi-probe build/libsspi.so\n";

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "sspi-probe: %s%s\n  Next: sspi-probe --help shows an example.\n", what, which);
    return EXIT_USAGE;
}

/* -1: go on; else the exit code. */
static int read_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("sspi-probe %s, protocol %d\n", PROBE_VERSION, PROBE_PROTOCOL);
            return 0;
        } else if (strcmp(argv[i], "--ansi") == 0) {
            options->ansi = true;
        } else if (strcmp(argv[i], "--no-signal-handler") == 0) {
            options->no_signal_handler = true;
        } else if (strcmp(argv[i], "--entry") == 0) {
            if (i + 1 == argc)
                return usage("--entry needs the name of a function", "");
            options->entry = argv[++i];
        } else if (argv[i][0] == '-') {
            return usage("there is no option ", argv[i]);
        } else if (options->path) {
            return usage("one process hosts one library; this is a second one: ", argv[i]);
        } else {
            options->path = argv[i];
        }
    }
    return options->path ? -1 : usage("which library? None was given", "");
}

/* Move what is not handed out yet to the front, then make room to read more. */
static void input_make_room(struct input *in)
{
    size_t kept = in->end - in->start;

    if (in->start > 0) {
        memmove(in->data, in->data + in->start, kept);
        platform_wipe(in->data + kept, in->end - kept);
        in->start = 0;
        in->end = kept;
    }
    if (in->room - in->end >= 4096)
        return;
    size_t room = in->room ? in->room * 2 : (size_t)128 * 1024;
    char *data = room <= MAX_LINE ? malloc(room) : NULL;
    if (!data) {
        fputs("sspi-probe: a line is longer than 256 MiB or memory; send a shorter one\n", stderr);
        exit(EXIT_HARNESS);
    }
    if (in->data) {
        memcpy(data, in->data, in->end);
        platform_wipe(in->data, in->end); /* realloc would leave a copy */
        free(in->data);
    }
    in->data = data;
    in->room = room;
}

/* The next line without its end, valid until the next call; NULL at the end of file. A last line
 * without a line end counts. */
static char *input_line(struct input *in, size_t *length)
{
    size_t searched = in->start;

    for (;;) {
        char *line = in->data ? in->data + in->start : NULL;
        char *newline =
            searched < in->end ? memchr(in->data + searched, '\n', in->end - searched) : NULL;
        if (newline) {
            *length = (size_t)(newline - line);
            in->start += *length + 1;
            return line;
        }
        if (in->finished) {
            *length = in->end - in->start;
            in->start = in->end;
            return *length ? line : NULL;
        }
        searched = in->end - in->start;
        input_make_room(in);
        searched += in->start;
        long got = platform_read(in->descriptor, in->data + in->end, in->room - in->end);
        if (got <= 0)
            in->finished = true;
        else
            in->end += (size_t)got;
    }
}

static int serve(struct probe *probe, const struct streams *streams)
{
    struct input in = {.descriptor = streams->in};
    char *line;
    size_t length;
    int code = 0;

    while ((line = input_line(&in, &length))) {
        probe_answer(probe, line, length);
        platform_wipe(line, length); /* it may have held a password */
        if (!platform_write(streams->out, probe->out.data, probe->out.used)) {
            perror("sspi-probe: cannot write an answer");
            code = EXIT_HARNESS;
            break;
        }
        probe->out.used = 0;
    }
    free(in.data);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct probe probe = {0};
    struct streams streams;

    int code = read_options(&options, argc, argv);
    if (code >= 0)
        return code;
    platform_die_with_parent();
    if (!platform_take_streams(&streams))
        return EXIT_HARNESS;
    platform_default_environment("WLOG_LEVEL", "OFF"); /* WinPR logs in every handshake */
    if (!options.no_signal_handler)
        platform_report_crashes();
    probe.path = options.path;
    if (!library_open(&probe.library, options.path) ||
        !functions_load(&probe.functions, &probe.library, options.path, options.entry,
                        options.ansi))
        return EXIT_HARNESS;
    failalloc_cover(probe.library.low, probe.library.high);
    probe.can_pin = library_find(&probe.library, "libsspi_test_clock") &&
                    library_find(&probe.library, "libsspi_test_random");
    code = serve(&probe, &streams);
    handles_release(&probe.contexts);
    handles_release(&probe.credentials);
    writer_release(&probe.out);
    arena_release(&probe.arena);
    return code;
}
