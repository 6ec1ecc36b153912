/* Stands between a program and its C library (LD_PRELOAD) and does to it what files order:
 *
 *   FAULT_SYNC    while this file is there, fsync and fdatasync below FAULT_FOLDER fail with EIO
 *   FAULT_WRITE   while this file is there, writes and new files below FAULT_FOLDER fail with the error it names
 *   FAULT_CLOCK   a file of 8 bytes: nanoseconds that UTC is off by; the monotonic clock stays as it is
 *   FAULT_UNSYNCED set: the kernel's clock calls itself not synchronised
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static volatile int64_t *offset_ns;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        void *page = mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, fd, 0);
        offset_ns = page == MAP_FAILED ? NULL : page;
        close(fd);
    }
}

static int is_below(const char *path)
{
    const char *folder = getenv("FAULT_FOLDER");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_ours(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return is_below(path);
}

/* The error that is ordered now, or 0. */
static int refusal(void)
{
    const char *order = getenv("FAULT_WRITE");
    int fd = order == NULL ? -1 : NEXT(open)(order, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    char word[16] = "";
    ssize_t n = read(fd, word, sizeof word - 1);
    close(fd);
    return n > 0 && strncmp(word, "EROFS", 5) == 0 ? EROFS : ENOSPC;
}

static int is_refused(int fd)
{
    int error = is_ours(fd) ? refusal() : 0;
    errno = error ? error : errno;
    return error;
}

static int sync_fails(int fd)
{
    const char *order = getenv("FAULT_SYNC");
    if (order == NULL || access(order, F_OK) != 0 || !is_ours(fd))
        return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd) { return sync_fails(fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return sync_fails(fd) ? -1 : NEXT(fdatasync)(fd); }

ssize_t write(int fd, const void *data, size_t n) { return is_refused(fd) ? -1 : NEXT(write)(fd, data, n); }
ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return is_refused(fd) ? -1 : NEXT(pwrite)(fd, data, n, at);
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    return is_refused(fd) ? -1 : NEXT(pwrite64)(fd, data, n, at);
}

static int opened(int (*next)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    int error = (flags & (O_WRONLY | O_RDWR)) && is_below(path) ? refusal() : 0;
    if (error == EROFS || (error && flags & O_CREAT && access(path, F_OK) != 0)) {
        errno = error;
        return -1;
    }
    return next(path, flags, mode);
}

#define OPENER(name)                                                                                                   \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                                                      \
        va_end(more);                                                                                                  \
        return opened(NEXT(name), path, flags, mode);                                                                  \
    }
OPENER(open)
OPENER(open64)

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int code = NEXT(clock_gettime)(clock, now);
    if (code == 0 && clock == CLOCK_REALTIME && offset_ns != NULL) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + *offset_ns;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return code;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *asked)
{
    return getenv("FAULT_UNSYNCED") != NULL ? TIME_ERROR : NEXT(adjtimex)(asked);
}
