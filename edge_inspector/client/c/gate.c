/* A reject gate that reads nothing but the 48-byte header of insp/1 (docs/reference/wire-protocol.md).
 *     cc -O2 -o gate gate.c -lzmq && ./gate press-4 tcp://127.0.0.1:5560 tcp://127.0.0.1:5562 20000 4000 2000
 * The numbers, in us: how long before the line's deadline a part is at your sensor; how far off it may be (under half
 * of the shortest time between two parts); what your output needs. Each line on standard input is a part at the sensor,
 * each on standard output says what to do with it: put your input and output there. No signal must reject. It matches
 * by time: for one constant belt speed and a line with a deadline. This is quality control, not a safety function. */
#define _GNU_SOURCE
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { REPLAYED = 1, SIMULATED = 2, DRILL = 4, LATE = 8, REJECT = 16, READY = 32, BYPASS = 64 }; /* flags */
enum { ENTRIES = 1024, MAX_LEASE_MS = 10000, SETTLED_US = 300000, SPAN_US = 1000000, HELLO_US = 200000 };
static unsigned never_pass = REPLAYED | LATE | SIMULATED | DRILL | BYPASS; /* at a desk: without SIMULATED */

struct header { uint8_t flags; uint32_t epoch; int64_t seq, utc_us, part_id, budget_us; };
struct entry { int64_t due_us, deadline_us, part_id; int passes; };
struct gate {
    int64_t before_us, window_us, margin_us;         /* how the gate is built */
    int64_t hello_epoch, armed_epoch, hello_ends_us; /* -1: none */
    int64_t last_seq, lease_ends_us, last_part_us;
    int64_t quickest[2], span_us, since_us;          /* of send to receipt: this second and the one before */
    struct entry entries[ENTRIES];                   /* the oldest is overwritten: its part is then rejected */
    unsigned n, hello;                               /* entries made; number of the hello that counts */
};

static int64_t now_us(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t), (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int parse(const unsigned char *at, int size, struct header *h)
{
    uint32_t epoch;
    uint64_t wide[5]; /* seq, t_utc_us, part_id, fire_enc, budget_us */
    if (size != 48 || memcmp(at, "IN\1", 3) != 0)
        return 0;
    memcpy(&epoch, at + 4, sizeof epoch), memcpy(wide, at + 8, sizeof wide);
    for (int i = 0; i < 5; i++)
        wide[i] = be64toh(wide[i]);
    *h = (struct header){at[3], be32toh(epoch), (int64_t)wide[0], (int64_t)wide[1], (int64_t)wide[2], (int64_t)wide[4]};
    return 1;
}

static void disarm(struct gate *g, const char *why)
{
    if (g->armed_epoch >= 0)
        fprintf(stderr, "disarmed: %s\n", why);
    g->armed_epoch = g->hello_epoch = -1;
    g->hello++; /* an answer that is under way says nothing now */
    memset(g->entries, 0, sizeof g->entries);
}

static void check(struct gate *g, int64_t now)
{
    if (g->armed_epoch >= 0 && now > g->lease_ends_us)
        disarm(g, "no heartbeat within the lease");
}

/* Whether a message may have been held up: then its part is not where its moment says. UTC only ever refuses. */
static int held_up(struct gate *g, const struct header *h, int64_t at, int64_t now)
{
    int64_t delay = now - h->utc_us, *q = g->quickest, usual = q[0] < q[1] ? q[0] : q[1];
    if (now - g->span_us > 2 * SPAN_US || delay < usual - g->window_us) { /* silence, or the label jumped: begin anew */
        q[0] = q[1] = INT64_MAX;
        g->span_us = g->since_us = now;
    } else if (now - g->span_us > SPAN_US) {
        q[1] = q[0], q[0] = INT64_MAX;
        g->span_us = now;
    }
    q[0] = delay < q[0] ? delay : q[0];
    usual = q[0] < q[1] ? q[0] : q[1];
    return now - g->since_us < SETTLED_US || delay - usual > g->window_us || now - at > g->window_us;
}

/* One message of the signals endpoint. at: the last moment at which nothing was there. */
static void hear(struct gate *g, int is_beat, const struct header *h, int64_t at, int64_t now)
{
    if (h->flags & REPLAYED)
        return;
    int is_held_up = held_up(g, h, at, now);
    check(g, now);
    if (g->armed_epoch >= 0 && h->epoch != g->armed_epoch)
        disarm(g, "the line counts anew");
    else if (!(h->flags & READY))
        disarm(g, "the line is not ready");
    else if (is_beat && h->part_id > 0) {
        int64_t ends = at + 1000 * (h->part_id < MAX_LEASE_MS ? h->part_id : MAX_LEASE_MS);
        if (g->armed_epoch < 0 && h->epoch == g->hello_epoch && now <= g->hello_ends_us && now <= ends) {
            g->armed_epoch = h->epoch;
            g->last_seq = h->seq;
            fprintf(stderr, "armed\n");
        }
        g->lease_ends_us = ends;
    } else if (!is_beat && h->epoch == g->armed_epoch && h->seq > g->last_seq && h->budget_us >= 0) {
        int64_t budget = h->budget_us < 3600000000LL ? h->budget_us : 3600000000LL;
        int passes = !is_held_up && !(h->flags & (REJECT | never_pass));
        g->last_seq = h->seq;
        g->entries[g->n++ % ENTRIES] =
            (struct entry){now + budget - g->before_us, at + budget - g->margin_us, h->part_id, passes};
    }
}

/* A part is at the sensor. NULL: it may pass; otherwise why it is rejected. */
static const char *part(struct gate *g, int64_t now)
{
    int n_near = 0, n_passes = 0, is_late = 0, is_close = now - g->last_part_us <= 2 * g->window_us;
    int64_t part_id = -1; /* two parts so close, or verdicts of two parts so close: which is which is not known */
    check(g, g->last_part_us = now);
    for (struct entry *e = g->entries; e < g->entries + ENTRIES; e++)
        if (e->due_us != 0 && llabs(e->due_us - now) <= g->window_us) {
            is_close |= n_near++ > 0 && e->part_id != part_id;
            part_id = e->part_id;
            n_passes += e->passes;
            is_late |= now > e->deadline_us;
        }
    return g->armed_epoch < 0 ? "REJECT not armed"
         : n_near == 0 ? "REJECT no verdict"
         : n_passes < n_near ? "REJECT rejected" /* the strictest of two verdicts counts */
         : is_close ? "REJECT more than one fits"
         : is_late ? "REJECT too late" : NULL;
}

/* The answer to hello is JSON; a few words of it are enough. */
static void greeted(struct gate *g, const char *answer, int64_t asked)
{
    const char *keys[] = {"\"id\"", "\"ready\"", "\"epoch\"", "\"insp/1\""}, *at[4];
    for (int i = 0; i < 4; i++) {
        if ((at[i] = strstr(answer, keys[i])) == NULL)
            return;
        at[i] += strlen(keys[i]) + strspn(at[i] + strlen(keys[i]), " :");
    }
    if (g->armed_epoch < 0 && strtoul(at[0], NULL, 10) == g->hello && strncmp(at[1], "true", 4) == 0) {
        g->hello_epoch = strtoll(at[2], NULL, 10);
        g->hello_ends_us = asked + SPAN_US;
    }
}

int main(int argc, char **argv)
{
    static struct gate g = {.hello_epoch = -1, .armed_epoch = -1, .quickest = {INT64_MAX, INT64_MAX}};
    static char text[65536], topic[64];
    int zero = 0, one = 1, size;
    int64_t asked = 0, empty = now_us();
    const char *why;
    if (argc < 7 || (g.before_us = atoll(argv[4])) <= (g.window_us = atoll(argv[5])) + (g.margin_us = atoll(argv[6])))
        return fprintf(stderr, "gate LINE SIGNALS SERVICE BEFORE WINDOW MARGIN [desk]; BEFORE > WINDOW + MARGIN\n"), 64;
    never_pass &= argc > 7 && strcmp(argv[7], "desk") == 0 ? ~(unsigned)SIMULATED : ~0U;
    void *context = zmq_ctx_new(), *heard = zmq_socket(context, ZMQ_SUB), *service = zmq_socket(context, ZMQ_DEALER);
    snprintf(topic, sizeof topic, "insp.v1.%s.", argv[1]);
    zmq_setsockopt(heard, ZMQ_SUBSCRIBE, topic, strlen(topic));
    zmq_setsockopt(service, ZMQ_IMMEDIATE, &one, sizeof one); /* questions to nobody are not piled up */
    zmq_setsockopt(service, ZMQ_LINGER, &zero, sizeof zero);
    if (zmq_connect(heard, argv[2]) != 0 || zmq_connect(service, argv[3]) != 0)
        return perror("cannot connect"), 64;
    zmq_pollitem_t items[] = {{heard, 0, ZMQ_POLLIN, 0}, {service, 0, ZMQ_POLLIN, 0}, {0, STDIN_FILENO, ZMQ_POLLIN, 0}};
    while (check(&g, now_us()), zmq_poll(items, 3, 2) >= 0) {
        if (g.armed_epoch < 0 && now_us() - asked > HELLO_US) {
            size = snprintf(text, sizeof text, "{\"op\":\"hello\",\"id\":%u,\"consumer\":\"gate-c\"}", ++g.hello);
            asked = zmq_send(service, text, (size_t)size, ZMQ_DONTWAIT) > 0 ? now_us() : asked;
        }
        for (int turn = 0; turn < 100; turn++) { /* bounded: a flood must not keep parts waiting */
            unsigned char frame[3][64]; /* longer frames are cut: nothing of a body is needed */
            int64_t before = now_us();
            struct header h;
            int n = 0, more = 1, sizes[3] = {0};
            for (size_t s = sizeof more; more; n++) {
                int at = n < 2 ? n : 2;
                if ((sizes[at] = zmq_recv(heard, frame[at], 64, ZMQ_DONTWAIT)) < 0)
                    break;
                zmq_getsockopt(heard, ZMQ_RCVMORE, &more, &s);
            }
            if (n == 0) {
                empty = before;
                break;
            }
            int is_beat = sizes[0] > 3 && sizes[0] <= 64 && memcmp(frame[0] + sizes[0] - 3, ".hb", 3) == 0;
            int is_verdict = sizes[0] > 8 && sizes[0] <= 64 && memcmp(frame[0] + sizes[0] - 8, ".verdict", 8) == 0;
            if (n == 3 && (is_beat || is_verdict) && parse(frame[1], sizes[1], &h))
                hear(&g, is_beat, &h, empty, now_us());
        }
        while ((size = zmq_recv(service, text, sizeof text - 1, ZMQ_DONTWAIT)) >= 0)
            text[size < (int)sizeof text ? size : (int)sizeof text - 1] = 0, greeted(&g, text, asked);
        if (items[2].revents && (size = (int)read(STDIN_FILENO, text, sizeof text)) <= 0)
            return zmq_close(heard), zmq_close(service), zmq_ctx_term(context), 0;
        for (int i = 0; items[2].revents && i < size; i++)
            if (text[i] == '\n')
                printf("%s\n", (why = part(&g, now_us())) != NULL ? why : "pass"), fflush(stdout);
    }
    return 70;
}
