"""Reason codes in words a person can read. Other apps add theirs with `add`. Read next: explain.py."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_sentences: dict[str, str | Promise] = {
    "": _("It is on its way."),
    "accepted": _("The provider took it."),
    "delivered": _("The provider says it arrived."),
    "expired": _("It was no longer worth sending when its turn came."),
    "cancelled": _("It was cancelled before it was sent."),
    "erased": _("The account of the recipient was ended before it was sent."),
    "in_digest": _("It was part of a summary."),
    "nothing_left": _("Everything in this summary was read or turned off before it was sent."),
    "no_contact_point": _("There is no address for this channel."),
    "contact_unverified": _("The address has not been verified yet."),
    "contact_removed": _("The address was removed."),
    "suppressed_stop": _("The number replied STOP. Only a START from that number lifts this."),
    "suppressed_unsure": _("The number answered something that may mean STOP. A person reads it before texts go on."),
    "suppressed_bounce": _("The address does not exist: earlier messages came back."),
    "suppressed_complaint": _("An earlier message was reported as unwanted."),
    "suppressed_operator": _("An operator blocked this address."),
    "no_time_zone": _("The time zone is not known, so we cannot tell whether it is daytime there."),
    "texting_hours": _("It waits: texts go out between 09:00 and 20:00 local time."),
    "quiet_hours": _("It waits for the end of quiet hours."),
    "capped": _("This person has had as many as we send in that time."),
    "switched_off": _("It waits: an operator has turned this off for now."),
    "provider_down": _("It waits: the provider has trouble, and is asked again from time to time."),
    "refused": _("The provider refused it for now; it will be tried again."),
    "handed_on": _("The provider refused it for now; another provider is asked at once."),
    "refused_too_often": _("The provider refused it each time it was tried."),
    "refused_for_good": _("The provider refused it for good."),
    "opted_out": _("The provider says the number has opted out."),
    "unregistered": _("The app is no longer installed on that device."),
    "unanswered": _("The provider did not answer clearly. It may have been sent, so it is not sent twice."),
    "worker_lost": _("The worker stopped while sending. It may have been sent, so it is not sent twice."),
    "restored": _("The database was restored to an earlier moment. It may have been sent, so it is not sent twice."),
    "never_answered": _("The provider never told whether it was sent. It is not sent again."),
    "nothing_changed": _("The devices show what is so."),
    "no_device": _("The person has no device that pushes go to."),
    "push_under_way": _("It waits for a push that is being sent, so as not to come before it."),
    "told_again": _("The provider did not answer clearly; the devices are told again, which does no harm."),
    "not_silent": _("The provider of pushes cannot tell an app something without a sound."),
    "sent_again": _("It may not have arrived, so it is sent again."),
    "poison": _("Sending it failed again and again; an operator must look at it."),
    "not_rendered": _("Its text could not be made; an operator must look at it."),
    "unknown_type": _("No app knows this sort of message any more."),
    "unknown_channel": _("This channel is switched off."),
    "address_unreadable": _("The stored address could not be read."),
}


def add(sentences: dict[str, str | Promise]) -> None:
    """This function will add the words of another app's reason codes."""
    _sentences.update(sentences)


def sentence(reason: str) -> str:
    """This function will give the sentence for a reason code, or the code itself for one from a provider."""
    return str(_sentences.get(reason, reason.replace("_", " ")))


def codes() -> list[str]:
    """This function will list every code that has words of ours, in alphabetical order."""
    return sorted(code for code in _sentences if code)


def is_explained(reason: str) -> bool:
    """This function will tell whether a code has words of ours."""
    return reason in _sentences
