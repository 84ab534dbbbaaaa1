# SPDX-License-Identifier: GPL-2.0
# Thin on purpose: one line of bin/ a target. README.md says what they do.

flags = $(if $(ARCH),--arch $(ARCH)) $(if $(BASE),--base)

demo:
	bin/suite demo
test:
	bin/suite test
check:
	bin/suite check
evidence:
	bin/suite evidence
kunit:
	bin/kernel kunit $(flags)
selftest:
	bin/vm run $(flags) $(if $(DEBUG),--debug) $(if $(CASE),--case '$(CASE)')
shell:
	bin/vm shell $(flags)
kernel:
	@bin/kernel build $(ARCH) $(if $(BASE),--base) $(if $(DEBUG),--debug)
tree:
	@bin/series tree $(if $(REV),--rev '$(REV)') $(if $(MERGE),--merge)
absorb:
	bin/series absorb $(if $(REV),--rev '$(REV)') $(if $(MERGE),--merge)
dist:
	bin/series dist $(if $(SIGNOFF),--signoff '$(SIGNOFF)')
clean-cache:
	bin/kernel clean-cache

.PHONY: demo test check evidence kunit selftest shell kernel tree absorb dist clean-cache
