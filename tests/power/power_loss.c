/* A disk that loses its power: a library that is preloaded into the process under test.
 *
 * Writes below $POWER_DIR go through to the real files, so that the process reads what it wrote; beside
 * that, each file has a durable image in memory, and a list of what was written since its last fsync or
 * fdatasync. At operation number $POWER_CUT_AT the files are left as a power cut may leave them: the
 * durable image, with any of the 512-byte sectors of the later writes, in any order and torn; names made,
 * removed or changed since the last fsync of the folder are there or not, in their order. Then the
 * process ends. $POWER_SEED chooses. A -shm file is memory, not a disk: it is not kept.
 *
 * cc -shared -fPIC -O1 -o power_loss.so power_loss.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 4096
#define FILES 256
#define SECTOR 512

typedef struct op {
    struct op *next;
    off_t at;    /* of a write; the new size of a truncation */
    size_t size;
    int is_cut;  /* a truncation */
    uint8_t data[];
} op;

typedef struct {
    char path[PATH_MAX]; /* as it is now; "" when it has no name any more */
    uint8_t *durable;
    size_t size, room;
    op *first, *last;
    int used;
} file;

/* What happened to names in the folder since it was synced. from: what it was, to: what it is now. */
typedef struct {
    char from[PATH_MAX], to[PATH_MAX];
    int file, over; /* over: the file whose name was taken, -1 for none */
} change;

static file files[FILES];
static int fd_file[FDS]; /* 1 + the file's number; -1 the folder itself */
static change changes[FILES * 16];
static int change_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX];
static long cut_at = -1, done;
static uint64_t seed = 1;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_close)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void begin(void) {
    real_open = dlsym(RTLD_NEXT, "open64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_close = dlsym(RTLD_NEXT, "close");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *text = getenv("POWER_DIR");
    if (text && !realpath(text, dir)) dir[0] = 0;
    if ((text = getenv("POWER_CUT_AT"))) cut_at = atol(text);
    if ((text = getenv("POWER_SEED"))) seed = strtoull(text, NULL, 10) * 2654435761u + 1;
}

static uint32_t dice(uint32_t sides) {
    seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
    return (uint32_t)(seed >> 11) % sides;
}

static int is_ours(const char *path, char *whole) {
    if (!dir[0] || !path) return 0;
    if (path[0] == '/') snprintf(whole, PATH_MAX, "%s", path);
    else {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, PATH_MAX, "%.2000s/%.2000s", here, path);
    }
    size_t n = strlen(dir), m = strlen(whole);
    if (strncmp(whole, dir, n) || (whole[n] && whole[n] != '/')) return 0;
    return !(m > 4 && !strcmp(whole + m - 4, "-shm"));
}

static int find(const char *path) {
    for (int i = 0; i < FILES; i++)
        if (files[i].used && !strcmp(files[i].path, path)) return i;
    return -1;
}

static void grow(file *f, size_t size) {
    if (size > f->room) {
        f->room = size * 2 + 4096;
        f->durable = realloc(f->durable, f->room);
    }
    if (size > f->size) {
        memset(f->durable + f->size, 0, size - f->size);
        f->size = size;
    }
}

static int track(const char *path, int is_new) {
    for (int i = 0; i < FILES; i++) {
        file *f = &files[i];
        if (f->used) continue;
        memset(f, 0, sizeof *f);
        f->used = 1;
        snprintf(f->path, PATH_MAX, "%s", path);
        int fd = is_new ? -1 : real_open(path, O_RDONLY);
        if (fd >= 0) {
            struct stat st;
            fstat(fd, &st);
            grow(f, st.st_size);
            ssize_t got, at = 0;
            while (at < st.st_size && (got = pread(fd, f->durable + at, st.st_size - at, at)) > 0)
                at += got;
            real_close(fd);
        }
        return i;
    }
    abort();
}

static void apply(file *f, const op *o, int torn) {
    if (o->is_cut) {
        if (torn && dice(2)) return;
        if ((size_t)o->at < f->size) f->size = o->at; else grow(f, o->at);
        return;
    }
    if (!torn) {
        grow(f, o->at + o->size);
        memcpy(f->durable + o->at, o->data, o->size);
        return;
    }
    /* Sectors of the disk, not of the write: a sector is there or it is not. */
    int all = dice(4), none = all == 1;
    for (size_t n = 0; n < o->size && !none;) {
        size_t step = SECTOR - (size_t)(o->at + n) % SECTOR;
        if (step > o->size - n) step = o->size - n;
        if (all == 0 || dice(2)) {
            grow(f, o->at + n + step);
            memcpy(f->durable + o->at + n, o->data + n, step);
        }
        n += step;
    }
}

static void settle(file *f, int torn) {
    for (op *o = f->first; o;) {
        op *next = o->next;
        apply(f, o, torn);
        free(o);
        o = next;
    }
    f->first = f->last = NULL;
}

static void note(int number, off_t at, const void *data, size_t size, int is_cut) {
    file *f = &files[number];
    op *o = malloc(sizeof *o + size);
    o->next = NULL; o->at = at; o->size = size; o->is_cut = is_cut;
    if (size) memcpy(o->data, data, size);
    if (f->last) f->last->next = o; else f->first = o;
    f->last = o;
}

static void named(const char *from, const char *to, int number, int over) {
    change *c = &changes[change_count++];
    if (change_count >= FILES * 16) abort();
    snprintf(c->from, PATH_MAX, "%s", from);
    snprintf(c->to, PATH_MAX, "%s", to);
    c->file = number;
    c->over = over;
}

static void cut(void) {
    /* Names: as many of the changes as reached the folder; the later ones are taken back. */
    int kept = change_count ? (int)dice(change_count + 1) : 0;
    for (int i = change_count - 1; i >= kept; i--) {
        change *c = &changes[i];
        snprintf(files[c->file].path, PATH_MAX, "%s", c->from);
        if (c->to[0]) real_unlink(c->to);
        if (c->over >= 0) snprintf(files[c->over].path, PATH_MAX, "%s", c->to);
    }
    for (int i = 0; i < FILES; i++) {
        file *f = &files[i];
        if (!f->used || !f->path[0]) continue;
        settle(f, 1);
        int fd = real_open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0) abort();
        size_t at = 0;
        while (at < f->size) {
            ssize_t wrote = real_write(fd, f->durable + at, f->size - at);
            if (wrote <= 0) abort();
            at += wrote;
        }
        real_close(fd);
    }
    _exit(99);
}

static void count(void) {
    if (cut_at >= 0 && done++ == cut_at) cut();
}

static int do_open(const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    if (!is_ours(path, whole)) return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat st;
    int was_there = !stat(whole, &st);
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < FDS && !fstat(fd, &st)) {
        if (S_ISDIR(st.st_mode)) fd_file[fd] = -1;
        else if (S_ISREG(st.st_mode)) {
            int number = find(whole);
            if (number < 0) {
                number = track(whole, !was_there);
                if (!was_there) named("", whole, number, -1);
            }
            fd_file[fd] = 1 + number;
            if (was_there && (flags & O_TRUNC)) note(number, 0, NULL, 0, 1);
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return do_open(path, flags, mode);
}

static int number_of(int fd) {
    return fd >= 0 && fd < FDS ? fd_file[fd] : 0;
}

static ssize_t do_write(int fd, const void *data, size_t size, off_t at, int is_placed) {
    if (number_of(fd) <= 0) return is_placed ? real_pwrite(fd, data, size, at) : real_write(fd, data, size);
    pthread_mutex_lock(&lock);
    if (!is_placed) at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t wrote = is_placed ? real_pwrite(fd, data, size, at) : real_write(fd, data, size);
    if (wrote > 0) note(number_of(fd) - 1, at, data, wrote, 0);
    count();
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t write(int fd, const void *data, size_t size) { return do_write(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return do_write(fd, data, size, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return do_write(fd, data, size, at, 1); }

static int do_truncate(int fd, off_t size) {
    if (number_of(fd) <= 0) return real_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    int failed = real_ftruncate(fd, size);
    if (!failed) note(number_of(fd) - 1, size, NULL, 0, 1);
    count();
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate(int fd, off_t size) { return do_truncate(fd, size); }
int ftruncate64(int fd, off_t size) { return do_truncate(fd, size); }

/* The real files are never synced: they are no disk here, and the test is faster. */
static int do_sync(int fd, int (*real)(int)) {
    int number = number_of(fd);
    if (!number) return real(fd);
    pthread_mutex_lock(&lock);
    count();
    if (number > 0) settle(&files[number - 1], 0); else change_count = 0;
    count();
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return do_sync(fd, real_fsync); }
int fdatasync(int fd) { return do_sync(fd, real_fdatasync); }

int close(int fd) {
    if (fd >= 0 && fd < FDS) fd_file[fd] = 0;
    return real_close(fd);
}

int rename(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    if (!is_ours(from, a) || !is_ours(to, b)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int number = find(a), over = find(b);
    if (number < 0) number = track(a, 0);
    struct stat st;
    if (over < 0 && !stat(b, &st)) over = track(b, 0);
    int failed = real_rename(from, to);
    if (!failed) {
        if (over >= 0) files[over].path[0] = 0;
        snprintf(files[number].path, PATH_MAX, "%s", b);
        named(a, b, number, over);
    }
    count();
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *path) {
    char whole[PATH_MAX];
    if (!is_ours(path, whole)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int number = find(whole);
    struct stat st;
    if (number < 0 && !stat(whole, &st)) number = track(whole, 0);
    int failed = real_unlink(path);
    if (!failed && number >= 0) {
        files[number].path[0] = 0;
        named(whole, "", number, -1);
    }
    count();
    pthread_mutex_unlock(&lock);
    return failed;
}
