/* A disk that can fail and lose power, for LD_PRELOAD. What a successful sync made safe of a database is copied to $TOKENHOUSE_TEST_DISK;
   while there is a file `fail` with a number n, one sync in n fails. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static int must_fail(const char *folder) {
    static unsigned count;
    char path[PATH_MAX], text[16] = {0};
    snprintf(path, sizeof path, "%s/fail", folder);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    int n = length > 0 ? atoi(text) : 0;
    return n > 0 && __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) % (unsigned)n == 0;
}

/* Through a descriptor that stays open: closing any descriptor of a file drops the locks that SQLite has on it. */
static void keep(int file, const char *path, const char *folder) {
    char whole[PATH_MAX + 8], part[PATH_MAX + 16], bytes[65536];
    snprintf(whole, sizeof whole, "%s/%s", folder, strrchr(path, '/') + 1);
    snprintf(part, sizeof part, "%s.part", whole);
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count;
    off_t at = 0;
    while ((count = pread(file, bytes, sizeof bytes, at)) > 0) {
        if (write(to, bytes, (size_t)count) != count) abort();
        at += count;
    }
    close(to);
    if (count < 0 || rename(part, whole) != 0) abort();
}

static int sync_with(long call, int file) {
    const char *folder = getenv("TOKENHOUSE_TEST_DISK");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (folder == NULL || length <= 0) return (int)syscall(call, file);
    path[length] = 0;
    int ours = ends_with(path, ".db") || ends_with(path, ".db-wal");
    if (ours && must_fail(folder)) {
        errno = EIO;
        return -1;
    }
    /* As slow as a disk that turns, so that most kills find something that is not safe yet. */
    if (ours) usleep(20000);
    int done = (int)syscall(call, file);
    if (ours && done == 0) keep(file, path, folder);
    return done;
}

int fsync(int file) { return sync_with(SYS_fsync, file); }
int fdatasync(int file) { return sync_with(SYS_fdatasync, file); }
