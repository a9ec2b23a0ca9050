"""`lineage check`: find weight changes that no version or note announced, in one model or in many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lineage.answers.checking import CheckOptions, check_or_say_why
from lineage.answers.collect import as_target
from lineage.answers.findings import DEFAULT_FAIL_ON, FailOn
from lineage.answers.listed import ListedTarget
from lineage.answers.project import used_settings
from lineage.answers.project_models import checks_of_project
from lineage.answers.starts import refuse_future
from lineage.collect.options import CollectOptions, default_jobs
from lineage.redaction import without_secrets
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage.side_by_side import Crew
from lineage.unexpected import contained
from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
from lineage_schemas.level import Level

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.pipeline import Target
    from lineage.progress import Progress
    from lineage_schemas.answers.incomplete import NamedAt

OnAnswer = Callable[[CheckAnswer], None]


@dataclass(frozen=True)
class _Asked:
    """Hold one model to check: the session on its Hub, its target if that is parsed, its start and who named it."""

    session: Session
    text: str
    options: CheckOptions
    target: Target | None = None
    named_at: NamedAt | None = None

    def answer(self) -> CheckAnswer:
        """Check the model."""
        with self.session.progress.task(without_secrets(self.text)):
            answer = check_or_say_why(self.session, self.text, self.target, self.options)
        return answer.model_copy(update={"named_at": self.named_at}) if self.named_at else answer


def check(
    session: Session,
    targets: Sequence[str | ListedTarget] = (),
    *,
    since: str | None = None,
    level: Level | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    fail_on: str = DEFAULT_FAIL_ON,
    jobs: int | None = None,
    on_answer: OnAnswer | None = None,
    derivation: bool = False,
) -> CheckAnswer | CheckAnswers:
    """Check models for weight changes that no version or note announced.

    Without targets, the models of the session's project file are checked, each at its own revision and Hub and since
    its own start; `since` and the session's own Hub take precedence. Raises InputError if there are none, and if
    `since` is in the future.

    Refs are read again unless the session is offline. A model that cannot be checked gets an answer with the verdict
    `unchecked`, not an error that would hide the other models. One target gives one answer, several give a list.
    `jobs` models are checked at a time, None for as many as suit the Hub. `on_answer` is called with each answer as
    soon as it is there, in whatever order; the list is in the order of the targets.

    Findings with a lower severity than `fail_on` are listed and do not count for the verdict; it may also list rules,
    with commas between, whose findings count whatever their severity is.
    `derivation` also judges the models' parents by their weights: the parents are read, with samples of their values.
    `since="last"` starts where the last confirmed check ended: call `lineage.answers.marks.confirm` with the answer as
    soon as it is written. Until then the next check reports the same findings again.
    """
    if since is not None:
        refuse_future(since)
    reading = CollectOptions(refresh=True, by_refs=True, level=level, max_bytes=max_bytes, parents=False)
    options = CheckOptions(since, FailOn.of(fail_on), reading, derivation)
    asked = _named(session, targets, options) if targets else _of_project(session, options)
    answers = _checked(session.progress, asked, jobs, on_answer)
    models = () if targets else tuple(each.target.model for each in asked if each.target)
    if len(answers) > 1:
        on_one_hub = all(each.session is asked[0].session for each in asked)
        return _several(asked[0].session if on_one_hub else session, answers, models=models)
    used = answers[0].settings
    if used is None or targets:
        return answers[0]
    return answers[0].model_copy(update={"settings": used.model_copy(update={"models": models})})


def _named(session: Session, targets: Sequence[str | ListedTarget], options: CheckOptions) -> list[_Asked]:
    """List the targets of the user, each from its own start; the start of the run takes precedence."""
    listed = [each if isinstance(each, ListedTarget) else ListedTarget(each) for each in targets]
    asked = [
        _Asked(session, each.text, replace(options, since=options.since or each.since), named_at=each.named_at)
        for each in listed
    ]
    if len(asked) == 1:  # an invalid target that is alone is an error
        with contained(asked[0].text):
            return [replace(asked[0], target=as_target(session, asked[0].text))]
    return asked


def _of_project(session: Session, options: CheckOptions) -> list[_Asked]:
    """List the models of the project file."""
    return [
        _Asked(each.session, str(each.target), replace(options, since=each.since), each.target, each.named_at)
        for each in checks_of_project(session, options.since)
    ]


def _checked(
    progress: Progress, asked: Sequence[_Asked], jobs: int | None, on_answer: OnAnswer | None
) -> list[CheckAnswer]:
    """Check models side by side, and return the answers in the order of the models."""
    for each in asked:
        each.session.open_for_threads()
    is_local = all(each.session.hub.is_local for each in asked)
    threads = min(jobs or default_jobs(is_local=is_local), len(asked))
    found: dict[int, CheckAnswer] = {}
    waiting = list(reversed(list(enumerate(asked))))
    with progress.task("checking", len(asked), "models") as task, Crew[CheckAnswer](threads) as crew:
        while waiting or crew.running:
            while waiting and crew.has_room:
                number, each = waiting.pop()
                crew.start(number, each.answer)
            number, answer = crew.next()
            found[number] = answer
            task.advance()
            if on_answer is not None:
                on_answer(answer)
    return [found[number] for number in range(len(asked))]


def _several(session: Session, answers: Sequence[CheckAnswer], models: Sequence[str] = ()) -> CheckAnswers:
    """Join the answers about several models."""
    dates = [answer.collected_at for answer in answers if answer.collected_at]
    settings = used_settings(session.project, [each for answer in answers for each in answer.findings], models=models)
    header = session.header("check-several.v1", max(dates, default=None), settings=settings)
    return CheckAnswers(**header, answers=tuple(answers))
