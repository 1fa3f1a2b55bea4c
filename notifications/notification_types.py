"""What learners are told: the 15 types of Open edX, and those of any site. Read next: date_types.py, site_types.py, registry.py.

Open edX's names, channels, defaults and variables are those of its notifications app (base_notification.py at 1204e2cf, 2026);
the words are ours. Its "web" is the inbox; it sends push only for its activity notifications.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Imported to be registered.
from notifications import date_types, site_types  # noqa: F401
from notifications.registry import Category, NotificationType, find, register

ACTIVITY = "discussion.activity"
# The platform's forum and course roles as CourseMembership.role holds them.
MODERATORS = frozenset({"administrator", "moderator", "community_ta"})
STAFF = frozenset({"staff", "instructor"})

PLATFORM_TYPES: dict[tuple[str, str], str] = {}


def platform_type(app: str, name: str) -> NotificationType | None:
    """This function will find what a learning platform may ask us to say: only its own types, never a site's or a study's."""
    known = PLATFORM_TYPES.get((app, name))
    return find(known) if known else None


def _activity(name: str, covers: str | Promise, *variables: str) -> None:
    """One of the types that Open edX shows as one line, "Activity notifications"."""
    _learning(
        f"discussion.{name}",
        Category.DISCUSSION,
        _("Activity notifications"),
        _("Answers and comments to you and to posts you follow"),
        variables,
        on=("inbox", "email", "push"),
        push=True,
        row=ACTIVITY,
        covers=covers,
        group_by="post_title",
    )


def _learning(
    name: str,
    category: Category,
    label: str | Promise,
    hint: str | Promise,
    variables: tuple[str, ...],
    *,
    on: Iterable[str],
    push: bool = False,
    row: str = "",
    covers: str | Promise = "",
    visible_to: frozenset[str] = frozenset(),
    lane: str = "transactional",
    group_by: str = "",
) -> None:
    app, bare = name.split(".")
    PLATFORM_TYPES[app, bare] = name
    register(
        NotificationType(
            name=name,
            category=category,
            label=label,
            hint=hint,
            channels=("inbox", "email", "push") if push else ("inbox", "email"),
            on=frozenset(on),
            variables=variables,
            row=row,
            covers=covers,
            visible_to=visible_to,
            lane=lane,
            group_by=group_by,
            actor=next((name for name in ("replier_name", "username") if name in variables), ""),
            fresh_for_channel={"push": timedelta(days=1)} if push else {},
        )
    )


_activity("new_response", _("Answers to your posts"), "replier_name", "post_title")
# The author of the answer is "your", "their" or a name, in author_name or author_pronoun, and may be missing.
_activity("new_comment", _("Comments on answers to your posts"), "replier_name", "post_title")
_activity("new_comment_on_response", _("Comments on your answers"), "replier_name", "post_title")
_activity("response_on_followed_post", _("Answers to posts you follow"), "replier_name", "post_title")
_activity("comment_on_followed_post", _("Comments in posts you follow"), "replier_name", "post_title")
_activity("response_endorsed_on_thread", _("Endorsed answers to your posts"), "replier_name", "post_title")
_activity("response_endorsed", _("Endorsements of your answers"), "post_title")

_learning(
    "discussion.new_discussion_post",
    Category.DISCUSSION,
    _("New discussions"),
    _("Every new discussion in your courses"),
    ("username", "post_title"),
    on=(),
)
_learning(
    "discussion.new_question_post",
    Category.DISCUSSION,
    _("New questions"),
    _("Every new question in your courses"),
    ("username", "post_title"),
    on=(),
)
_learning(
    "discussion.new_instructor_all_learners_post",
    Category.DISCUSSION,
    _("Posts of the course team"),
    _("What the course team writes to all learners"),
    ("post_title",),
    on=("inbox", "email"),
    lane="bulk",
)
_learning(
    "discussion.content_reported",
    Category.DISCUSSION,
    _("Reported content"),
    _("Posts, answers and comments that somebody reported"),
    ("username", "content_type"),
    on=("inbox", "email"),
    visible_to=MODERATORS,
)
_learning(
    "updates.course_updates",
    Category.OTHER,
    _("Course updates"),
    _("News from the team of a course you take"),
    ("course_update_content",),
    on=("inbox", "email"),
    lane="bulk",
)
_learning(
    "grading.ora_staff_notifications",
    Category.OTHER,
    _("Work to grade"),
    _("New work that waits for a grade from the course team"),
    ("ora_name",),
    on=("inbox",),
    visible_to=STAFF,
    group_by="ora_name",
)
_learning(
    "grading.ora_grade_assigned",
    Category.OTHER,
    _("Grades"),
    _("When your work is graded"),
    ("ora_name", "points_earned", "points_possible"),
    on=("inbox", "email"),
)
_learning(
    "grading.ora_reminder",
    Category.COURSE_DATES,
    _("Unfinished work"),
    _("When a step of your work is still to do"),
    ("ora_name", "pending_step"),
    on=("inbox", "email"),
)
