// SPDX-License-Identifier: GPL-2.0-only
/*
 * What resets of VFIO devices hit: the functions that user space is told about,
 * all of them and no others, or none if the reset is refused.
 *
 * Arguments: the device that is reset, those that a hot reset of it takes along,
 * and others, which must be left alone.  All of them are bound to vfio-pci.
 *
 * A reset shows by a mark: the Function Mask of MSI-X, which a reset clears, and
 * which the kernel does not restore while MSI-X is disabled.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <libvfio.h>

#include "../kselftest_harness.h"

#define MAX_DEVICES	16

/* Opens, resets and closes of all devices, unless VFIO_SELFTESTS_ROUNDS is set */
#define ROUNDS		1000

static char **bdfs;
static int nr_bdfs;

/* Config space, past VFIO */

static void config_access(const char *bdf, bool write, int where, void *data,
			  size_t size)
{
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	snprintf_assert(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
			bdf);
	fd = open(path, write ? O_WRONLY : O_RDONLY);
	VFIO_ASSERT_GE(fd, 0);
	len = write ? pwrite(fd, data, size, where) :
		      pread(fd, data, size, where);
	VFIO_ASSERT_EQ(len, size);
	close(fd);
}

static u8 config_readb(const char *bdf, int where)
{
	u8 value;

	config_access(bdf, false, where, &value, sizeof(value));
	return value;
}

static u16 config_readw(const char *bdf, int where)
{
	u16 value;

	config_access(bdf, false, where, &value, sizeof(value));
	return value;
}

static int msix_flags(const char *bdf)
{
	u8 at = config_readb(bdf, PCI_CAPABILITY_LIST);

	for (int left = 48; at && left; left--) {
		if (config_readb(bdf, at + PCI_CAP_LIST_ID) == PCI_CAP_ID_MSIX)
			return at + PCI_MSIX_FLAGS;
		at = config_readb(bdf, at + PCI_CAP_LIST_NEXT);
	}

	ksft_exit_skip("%s has no MSI-X to mark\n", bdf);
}

static void mark(const char *bdf)
{
	int at = msix_flags(bdf);
	u16 flags = config_readw(bdf, at) | PCI_MSIX_FLAGS_MASKALL;

	config_access(bdf, true, at, &flags, sizeof(flags));
}

static bool marked(const char *bdf)
{
	return config_readw(bdf, msix_flags(bdf)) & PCI_MSIX_FLAGS_MASKALL;
}

static void mark_all(void)
{
	for (int i = 0; i < nr_bdfs; i++)
		mark(bdfs[i]);
}

static bool all_marked(void)
{
	for (int i = 0; i < nr_bdfs; i++) {
		if (!marked(bdfs[i])) {
			printf("%s was reset\n", bdfs[i]);
			return false;
		}
	}

	return true;
}

/* Devices; those of one IOMMU group share its file descriptor */

static struct vfio_pci_device *device_open(struct iommu *iommu, const char *bdf,
					   struct vfio_pci_device **others,
					   int nr_others)
{
	struct vfio_pci_device *device = vfio_pci_device_alloc(bdf, iommu);
	int group;

	if (!iommu->mode->container_path) {
		vfio_pci_cdev_open(device, bdf);
		VFIO_ASSERT_EQ(0, __vfio_device_bind_iommufd(device->fd,
							     iommu->iommufd,
							     NULL));
		return device;
	}

	group = sysfs_iommu_group_get(bdf);
	for (int i = 0; i < nr_others; i++) {
		if (sysfs_iommu_group_get(others[i]->bdf) == group)
			device->group_fd = dup(others[i]->group_fd);
	}
	if (!device->group_fd) {
		vfio_pci_group_setup(device, bdf);
		vfio_container_set_iommu(device);
	}
	__vfio_pci_group_get_device_fd(device, bdf, NULL);
	VFIO_ASSERT_GE(device->fd, 0);

	return device;
}

static void device_close(struct vfio_pci_device *device)
{
	close(device->fd);
	if (device->group_fd)
		close(device->group_fd);
	vfio_pci_device_free(device);
}

/* What the kernel says about a hot reset */

struct reset_info {
	int error;
	u32 flags;
	int count;
	char bdf[MAX_DEVICES][sizeof("0000:00:00.0")];
};

static struct reset_info reset_info(struct vfio_pci_device *device)
{
	char buf[sizeof(struct vfio_pci_hot_reset_info) +
		 MAX_DEVICES * sizeof(struct vfio_pci_dependent_device)] = {};
	struct vfio_pci_hot_reset_info *info = (void *)buf;
	struct reset_info result = {};

	info->argsz = sizeof(buf);
	if (ioctl(device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info)) {
		result.error = errno;
		return result;
	}

	result.flags = info->flags;
	result.count = info->count;
	for (int i = 0; i < info->count; i++) {
		const struct vfio_pci_dependent_device *d = &info->devices[i];

		snprintf_assert(result.bdf[i], sizeof(result.bdf[i]),
				"%04x:%02x:%02x.%x", d->segment, d->bus,
				d->devfn >> 3, d->devfn & 7);
	}

	return result;
}

static bool affected(const struct reset_info *info, const char *bdf)
{
	for (int i = 0; i < info->count; i++) {
		if (!strcmp(info->bdf[i], bdf))
			return true;
	}

	return false;
}

static bool is_ours(const char *bdf)
{
	for (int i = 0; i < nr_bdfs; i++) {
		if (!strcmp(bdfs[i], bdf))
			return true;
	}

	return false;
}

/* All that the reset hits is ours, so that it can be done */
static bool all_ours(const struct reset_info *info)
{
	for (int i = 0; i < info->count; i++) {
		if (!is_ours(info->bdf[i]))
			return false;
	}

	return true;
}

/* With the groups of these devices, or none for those opened by their cdev */
static int hot_reset(struct vfio_pci_device **devices, int nr)
{
	char buf[sizeof(struct vfio_pci_hot_reset) +
		 MAX_DEVICES * sizeof(__s32)] = {};
	struct vfio_pci_hot_reset *reset = (void *)buf;

	reset->argsz = sizeof(buf);
	if (devices[0]->iommu->mode->container_path) {
		for (int i = 0; i < nr; i++) {
			bool seen = false;

			for (int j = 0; j < i; j++)
				seen |= sysfs_iommu_group_get(devices[i]->bdf) ==
					sysfs_iommu_group_get(devices[j]->bdf);
			if (!seen)
				reset->group_fds[reset->count++] =
					devices[i]->group_fd;
		}
	}

	return ioctl(devices[0]->fd, VFIO_DEVICE_PCI_HOT_RESET, reset) ?
	       -errno : 0;
}

FIXTURE(hot_reset) {
	struct iommu *iommu;
	struct vfio_pci_device *devices[MAX_DEVICES];
	int nr;
	struct reset_info info;
};

FIXTURE_VARIANT(hot_reset) {
	const char *iommu_mode;
};

#define FIXTURE_VARIANT_ADD_IOMMU_MODE(_mode)	\
FIXTURE_VARIANT_ADD(hot_reset, _mode) {		\
	.iommu_mode = #_mode,			\
}

FIXTURE_VARIANT_ADD_ALL_IOMMU_MODES();

/* The first device is open */
FIXTURE_SETUP(hot_reset)
{
	self->iommu = iommu_init(variant->iommu_mode);
	self->devices[self->nr++] = device_open(self->iommu, bdfs[0], NULL, 0);
	self->info = reset_info(self->devices[0]);
}

FIXTURE_TEARDOWN(hot_reset)
{
	while (self->nr)
		device_close(self->devices[--self->nr]);
	iommu_cleanup(self->iommu);
}

static void open_affected(FIXTURE_DATA(hot_reset) *self)
{
	for (int i = 1; i < nr_bdfs; i++) {
		if (affected(&self->info, bdfs[i])) {
			self->devices[self->nr] = device_open(self->iommu,
							      bdfs[i],
							      self->devices,
							      self->nr);
			self->nr++;
		}
	}
}

/* One answer: the file reset_scope names the same functions */
TEST_F(hot_reset, info_is_the_scope)
{
	char path[PATH_MAX], line[1024], expected[1024] = "";
	bool found = false;
	FILE *file;

	snprintf_assert(path, sizeof(path),
			"/sys/bus/pci/devices/%s/reset_scope", bdfs[0]);
	file = fopen(path, "r");
	if (!file)
		SKIP(return, "no file reset_scope here");
	if (self->info.error) {
		fclose(file);
		ASSERT_EQ(ENODEV, self->info.error);
		SKIP(return, "no hot reset of it");
	}

	for (int i = 0; i < self->info.count; i++) {
		strcat(expected, " ");
		strcat(expected, self->info.bdf[i]);
	}
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = (!strncmp(line, "slot:", 5) &&
			 !strcmp(line + 5, expected)) ||
			(!strncmp(line, "bus:", 4) &&
			 !strcmp(line + 4, expected));
	}
	fclose(file);
	ASSERT_TRUE(found) {
		TH_LOG("neither slot nor bus has just%s", expected);
	}
}

TEST_F(hot_reset, hits_what_info_says)
{
	if (self->info.error)
		SKIP(return, "no hot reset of it");
	if (!all_ours(&self->info))
		SKIP(return, "it takes along what is not ours");

	open_affected(self);
	mark_all();
	ASSERT_EQ(0, hot_reset(self->devices, self->nr));
	for (int i = 0; i < nr_bdfs; i++) {
		EXPECT_EQ(!affected(&self->info, bdfs[i]), marked(bdfs[i])) {
			TH_LOG("%s: %s", bdfs[i],
			       marked(bdfs[i]) ? "not reset" : "reset");
		}
	}

	/* And again: everybody is back */
	ASSERT_EQ(0, hot_reset(self->devices, self->nr));
}

/* Of the devices that it takes along, one is not ours: nothing is touched */
TEST_F(hot_reset, needs_all)
{
	int rc;

	if (!self->info.error && all_ours(&self->info)) {
		bool alone = true;

		for (int i = 0; i < self->info.count; i++)
			alone &= sysfs_iommu_group_get(self->info.bdf[i]) ==
				 sysfs_iommu_group_get(bdfs[0]);
		if (alone)
			SKIP(return, "all that it takes along is ours at once");
	} else {
		open_affected(self);
	}

	mark_all();
	rc = hot_reset(self->devices, self->nr);
	ASSERT_EQ(self->info.error ? -self->info.error : -EINVAL, rc);
	ASSERT_TRUE(all_marked());
}

TEST_F(hot_reset, bad_input)
{
	char buf[sizeof(struct vfio_pci_hot_reset) + 2 * sizeof(__s32)] = {};
	struct vfio_pci_hot_reset *reset = (void *)buf;
	int fd = self->devices[0]->fd;

	mark_all();
	reset->argsz = sizeof(*reset) - 1;
	EXPECT_EQ(-1, ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	EXPECT_EQ(EINVAL, errno);

	reset->argsz = sizeof(buf);
	reset->flags = 1;
	EXPECT_EQ(-1, ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	EXPECT_EQ(EINVAL, errno);

	/* Groups are for who opened one, and none for who has a cdev */
	reset->flags = 0;
	reset->count = !self->iommu->mode->container_path;
	EXPECT_EQ(-1, ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(all_marked());
}

TEST_F(hot_reset, function_alone)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, ioctl(self->devices[0]->fd, VFIO_DEVICE_GET_INFO, &info));
	if (!(info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP(return, "no function reset of it");

	mark_all();
	ASSERT_EQ(0, __vfio_pci_device_reset(self->devices[0]));
	EXPECT_FALSE(marked(bdfs[0]));
	for (int i = 1; i < nr_bdfs; i++)
		EXPECT_TRUE(marked(bdfs[i]));
}

/* All at once, by as many threads */

FIXTURE(parallel) {
	struct iommu *iommu;
};

FIXTURE_SETUP(parallel)
{
	self->iommu = iommu_init(MODE_IOMMUFD);
}

FIXTURE_TEARDOWN(parallel)
{
	iommu_cleanup(self->iommu);
}

struct opener {
	struct iommu *iommu;
	const char *bdf;
	int rounds;
	int failed;
	int error;
	pthread_t thread;
};

static void *open_reset_close(void *arg)
{
	struct opener *o = arg;
	struct vfio_pci_device *device;
	int rc;

	for (int i = 0; i < o->rounds; i++) {
		device = vfio_pci_device_alloc(o->bdf, o->iommu);
		vfio_pci_cdev_open(device, o->bdf);
		rc = __vfio_device_bind_iommufd(device->fd, o->iommu->iommufd,
						NULL);
		if (!rc)
			rc = __vfio_pci_device_reset(device);
		if (rc) {
			o->failed++;
			o->error = rc;
		}
		device_close(device);
	}

	return NULL;
}

/* Nobody is in the way of anybody else: no EAGAIN */
TEST_F_TIMEOUT(parallel, open_reset_close, 600)
{
	const char *env = getenv("VFIO_SELFTESTS_ROUNDS");
	int rounds = env ? atoi(env) : ROUNDS;
	struct opener openers[MAX_DEVICES];

	if (!rounds)
		SKIP(return, "no rounds of it were asked for");

	for (int i = 0; i < nr_bdfs; i++) {
		openers[i] = (struct opener) {
			.iommu = self->iommu, .bdf = bdfs[i],
			.rounds = (rounds + nr_bdfs - 1) / nr_bdfs,
		};
		ASSERT_EQ(0, pthread_create(&openers[i].thread, NULL,
					    open_reset_close, &openers[i]));
	}
	for (int i = 0; i < nr_bdfs; i++) {
		pthread_join(openers[i].thread, NULL);
		EXPECT_EQ(0, openers[i].failed) {
			TH_LOG("%s: %s", openers[i].bdf,
			       strerror(-openers[i].error));
		}
	}
}

int main(int argc, char *argv[])
{
	bdfs = vfio_selftests_get_bdfs(&argc, argv, &nr_bdfs);
	if (nr_bdfs > MAX_DEVICES)
		ksft_exit_skip("more than %d devices\n", MAX_DEVICES);

	return test_harness_run(argc, argv);
}
