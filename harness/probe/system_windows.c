/* SPDX-License-Identifier: Apache-2.0 */
#include "system.h"

#include <windows.h>

#include <stdio.h>
#include <string.h>

#define VERSION_KEY L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
#define LSA_KEY L"SYSTEM\\CurrentControlSet\\Control\\Lsa"
#define MSV_KEY LSA_KEY L"\\MSV1_0"
#define NETLOGON_KEY L"SYSTEM\\CurrentControlSet\\Services\\Netlogon\\Parameters"
#define KERBEROS_KEY                                                                               \
    L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\Kerberos\\Parameters"

/* What a policy is when nobody set it is the build's own affair: it is told as null. */
static const struct {
    const char *name;
    const wchar_t *key;
    const wchar_t *value;
} policies[] = {
    {"LmCompatibilityLevel", LSA_KEY, L"LmCompatibilityLevel"},
    {"SuppressExtendedProtection", LSA_KEY, L"SuppressExtendedProtection"},
    {"DisableLoopbackCheck", LSA_KEY, L"DisableLoopbackCheck"},
    {"NtlmMinClientSec", MSV_KEY, L"NtlmMinClientSec"},
    {"NtlmMinServerSec", MSV_KEY, L"NtlmMinServerSec"},
    {"RestrictSendingNTLMTraffic", MSV_KEY, L"RestrictSendingNTLMTraffic"},
    {"RestrictReceivingNTLMTraffic", MSV_KEY, L"RestrictReceivingNTLMTraffic"},
    {"RestrictNTLMInDomain", NETLOGON_KEY, L"RestrictNTLMInDomain"},
    {"SupportedEncryptionTypes", KERBEROS_KEY, L"SupportedEncryptionTypes"},
};

static bool read_number(const wchar_t *key, const wchar_t *value, DWORD *number)
{
    DWORD size = sizeof *number;
    return RegGetValueW(HKEY_LOCAL_MACHINE, key, value, RRF_RT_REG_DWORD, NULL, number, &size) == 0;
}

static void write_number(struct writer *out, const char *name, const wchar_t *key,
                         const wchar_t *value)
{
    DWORD number;

    write_key(out, name);
    if (read_number(key, value, &number))
        write_unsigned(out, number);
    else
        write_null(out);
}

static void write_setting(struct writer *out, const char *name, const wchar_t *value)
{
    wchar_t text[128] = L"";
    DWORD size = sizeof text;

    if (RegGetValueW(HKEY_LOCAL_MACHINE, VERSION_KEY, value, RRF_RT_REG_SZ, NULL, text, &size) != 0)
        return;
    write_key(out, name);
    write_utf16(out, (const uint16_t *)text, wcslen(text));
}

/* GetVersionEx tells programs what they want to hear; this one does not. */
static void write_version(struct writer *out, HMODULE ntdll)
{
    typedef LONG(WINAPI * get_version_fn)(OSVERSIONINFOW *);
    FARPROC address = GetProcAddress(ntdll, "RtlGetVersion");
    get_version_fn get_version = NULL;
    OSVERSIONINFOW found = {.dwOSVersionInfoSize = sizeof found};
    char text[64];

    memcpy(&get_version, &address, sizeof get_version);
    if (!get_version || get_version(&found) != 0)
        return;
    snprintf(text, sizeof text, "%lu.%lu.%lu", found.dwMajorVersion, found.dwMinorVersion,
             found.dwBuildNumber);
    write_key(out, "version");
    write_text(out, text);
    write_key(out, "build");
    write_unsigned(out, found.dwBuildNumber);
}

static void write_wine(struct writer *out, HMODULE ntdll)
{
    typedef const char *(*wine_version_fn)(void);
    FARPROC address = GetProcAddress(ntdll, "wine_get_version");
    wine_version_fn version = NULL;

    memcpy(&version, &address, sizeof version);
    if (!version)
        return;
    write_key(out, "wine");
    write_text(out, version());
}

void system_describe(struct writer *out)
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");

    write_key(out, "name");
    write_text(out, "Windows");
    write_version(out, ntdll);
    write_number(out, "revision", VERSION_KEY, L"UBR");
    write_setting(out, "edition", L"EditionID");
    write_setting(out, "release", L"DisplayVersion");
    write_setting(out, "installation", L"InstallationType");
    write_wine(out, ntdll);
    write_key(out, "policy");
    write_open(out, '{');
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        write_number(out, policies[i].name, policies[i].key, policies[i].value);
    write_close(out, '}');
}
