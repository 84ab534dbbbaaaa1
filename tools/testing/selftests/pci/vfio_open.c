// SPDX-License-Identifier: GPL-2.0
/*
 * Opens VFIO devices, each in an IOMMU group of its own, at the same time.
 *
 * vfio_open [-n ROUNDS] [-r] [-w] DEVICE...
 *
 * A thread for each PCI address given opens its device, with -r resets it, and
 * closes it again, ROUNDS times (0: see whether it could). The opens of a round
 * start together. Opening and closing resets the device in vfio-pci. With -w it
 * says "open" for each device, and keeps them open until it is killed; it says
 * "asked for" when the kernel wants one back. Prints what fails; the exit status
 * is 0 if nothing did, 1 if something did, 4 if a device cannot be used so here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "kselftest.h"

struct opener {
	const char *address;
	int group;
	int container;
	unsigned int failed;
	pthread_t thread;
};

static pthread_barrier_t start;
static unsigned int rounds = 1;
static bool reset;
static bool keep_open;

static void __attribute__((noreturn, format(printf, 2, 3)))
cannot(struct opener *o, const char *format, ...)
{
	va_list args;

	printf("# %s: ", o->address);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(KSFT_SKIP);
}

/* The group stays open and in its container: what races is opening devices. */
static void open_group(struct opener *o)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t len;
	char *name;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 o->address);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		cannot(o, "no IOMMU group");
	link[len] = '\0';
	name = strrchr(link, '/') + 1;

	o->container = open("/dev/vfio/vfio", O_RDWR);
	if (o->container < 0)
		cannot(o, "/dev/vfio/vfio: %s", strerror(errno));

	snprintf(path, sizeof(path), "/dev/vfio/%s", name);
	o->group = open(path, O_RDWR);
	if (o->group < 0)
		cannot(o, "%s: %s", path, strerror(errno));

	if (ioctl(o->group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		cannot(o, "group %s is not viable", name);
	if (ioctl(o->group, VFIO_GROUP_SET_CONTAINER, &o->container) ||
	    ioctl(o->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		cannot(o, "no IOMMU container: %s", strerror(errno));
}

static void fail(struct opener *o, unsigned int round, const char *what)
{
	int error = errno;

	o->failed++;
	ksft_print_msg("%s: round %u: %s: %s\n", o->address, round, what,
		       strerror(error));
}

static void say(struct opener *o, const char *what)
{
	printf("%s %s\n", o->address, what);
	fflush(stdout);
}

/* An eventfd that is signalled when the kernel wants the device back */
static int request_eventfd(int device)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(int)] = {};
	struct vfio_irq_set *irq = (void *)buf;
	int fd;

	fd = eventfd(0, 0);
	if (fd < 0)
		return fd;

	irq->argsz = sizeof(buf);
	irq->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	irq->index = VFIO_PCI_REQ_IRQ_INDEX;
	irq->count = 1;
	memcpy(irq->data, &fd, sizeof(fd));

	return ioctl(device, VFIO_DEVICE_SET_IRQS, irq) ? -1 : fd;
}

static void hold(struct opener *o, unsigned int round, int device)
{
	eventfd_t requests;
	int fd;

	fd = request_eventfd(device);
	if (fd < 0)
		fail(o, round, "eventfd for requests");
	say(o, "open");
	if (!eventfd_read(fd, &requests))
		say(o, "asked for");
	pause();
}

static void *run(void *arg)
{
	struct opener *o = arg;
	unsigned int round;
	int device;

	for (round = 0; round < rounds; round++) {
		pthread_barrier_wait(&start);
		device = ioctl(o->group, VFIO_GROUP_GET_DEVICE_FD, o->address);
		if (device < 0) {
			fail(o, round, "open");
			continue;
		}
		if (reset && ioctl(device, VFIO_DEVICE_RESET))
			fail(o, round, "reset");
		if (keep_open)
			hold(o, round, device);
		close(device);
	}

	return NULL;
}

int main(int argc, char **argv)
{
	struct opener *openers;
	unsigned int failed = 0;
	int opt, i, count;

	while ((opt = getopt(argc, argv, "n:rw")) != -1) {
		switch (opt) {
		case 'n':
			rounds = atoi(optarg);
			break;
		case 'r':
			reset = true;
			break;
		case 'w':
			keep_open = true;
			break;
		default:
			return KSFT_FAIL;
		}
	}
	argv += optind;
	count = argc - optind;
	if (count < 1) {
		fprintf(stderr, "vfio_open [-n ROUNDS] [-r] [-w] DEVICE...\n");
		return KSFT_FAIL;
	}

	openers = calloc(count, sizeof(*openers));
	if (!openers || pthread_barrier_init(&start, NULL, count))
		return KSFT_FAIL;

	for (i = 0; i < count; i++) {
		openers[i].address = argv[i];
		open_group(&openers[i]);
	}
	for (i = 0; i < count; i++)
		if (pthread_create(&openers[i].thread, NULL, run, &openers[i]))
			return KSFT_FAIL;
	for (i = 0; i < count; i++) {
		pthread_join(openers[i].thread, NULL);
		failed += openers[i].failed;
	}

	return failed ? KSFT_FAIL : KSFT_PASS;
}
