"""The schema's version: bring a database up to it, with the data that come with it."""

from collections.abc import Collection
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import Conflict, NotFound
from app.events import audit
from app.register.circumstances import ensure_default_rules


def config(database: Database) -> Config:
    """Alembic's configuration, made here so that no file has to be found at run time."""
    made = Config()
    made.set_main_option("script_location", str(Path(migrations.__file__).parent))
    made.attributes["engine"] = database.write_engine
    return made


def current(database: Database) -> str | None:
    # Only a look: it waits for no one who writes.
    with database.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head(database: Database) -> str:
    found = ScriptDirectory.from_config(config(database)).get_current_head()
    assert found is not None
    return found


def _known(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def migrate(database: Database, revision: str = "head", *, down: bool = True) -> None:
    """Bring the schema to `revision`, up or, for a named older one, down.

    Raises
    ------
    NotFound
        If there is no such revision.
    Conflict
        If this version does not know where the database is; or going down without `down`, which
        deletes what the older version does not know.
    """
    scripts = ScriptDirectory.from_config(config(database))
    known = _known(scripts)
    if revision not in known | {"head", "base"}:
        raise NotFound(
            f"There is no revision {revision!r}. Choose one of: {', '.join(sorted(known))}."
        )
    before = current(database)
    _require_known(before, known)
    older = {script.revision for script in scripts.walk_revisions("base", before or "base")}
    is_older = revision in older and revision != before
    goes_down = revision == "base" or (before is not None and is_older)
    if goes_down and before is not None and not down:
        raise Conflict(
            f"Revision {revision} is older than {before}, where the database is. Going down "
            "deletes every row that the older version does not know. Back up first, and say --down."
        )
    (command.downgrade if goes_down else command.upgrade)(config(database), revision)
    if current(database) == head(database):
        passed = () if goes_down else scripts.iterate_revisions("head", before or "base")
        rebinds = {name for each in passed for name in getattr(each.module, "rebinds", ())}
        with database.write() as session:
            load_packaged(session)
            ensure_default_rules(session)
            audit.bind_anew(session, actor=TERMINAL.name, tables=rebinds)


def _require_known(found: str | None, known: Collection[str]) -> None:
    """Refuse what a newer version migrated: nothing here says how to undo that."""
    if found is not None and found not in known:
        raise Conflict(
            f"The database is at revision {found}, which this version does not know. Install the "
            "version that migrated it, or a newer one."
        )


def require_current(database: Database) -> None:
    """Migrate a new database at once; refuse an old one, which its owner may want to back up."""
    found, wanted = current(database), head(database)
    if found is None:
        migrate(database)
    elif found != wanted:
        _require_known(found, _known(ScriptDirectory.from_config(config(database))))
        raise Conflict(
            f"The database is at revision {found}, but this version needs {wanted}. Back it up, "
            "then run `givetake migrate`."
        )
