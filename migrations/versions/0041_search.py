"""Towns of institutions, and the folded names that people search, with their trigrams."""

import sqlalchemy as sa
from alembic import op

revision = "0041_search"
down_revision = "0040_link_mailbox"

ACCENTS = {
    "a": "Ààáâä",
    "c": "ç",
    "e": "ÉÈéèêë",
    "i": "ìíîï",
    "n": "ñ",
    "o": "òóôö",
    "u": "ùúûü",
    "w": "ŵ",
    "y": "ŷ",
}
FOLDING = (
    *((accented, letter) for letter, several in ACCENTS.items() for accented in several),
    *((mark, "") for mark in "'’‘`´."),
    *((mark, " ") for mark in '-–,/():;|"\N{NO-BREAK SPACE}\t'),
    ("&", " and "),
    ("+", " and "),
    ("     ", " "),
    ("   ", " "),
    ("  ", " "),
    ("  ", " "),
    (" c of e ", " church of england "),
    (" cofe ", " church of england "),
    (" ce ", " church of england "),
    (" rc ", " roman catholic "),
    (" st ", " saint "),
    (" ss ", " saint "),
    (" sts ", " saint "),
)
ASCII_LOWER = str.maketrans({upper: upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})


SEARCHED = ("participant_search", "group_search")
PARTICIPANTS = """
    select participant.id, participant.name, participant.postcode, area.name from participant
    left join area on area.kind = 'local_authority' and area.code = local_authority_code
"""
AT_ONCE = 1_000


def upgrade() -> None:
    op.add_column("participant", sa.Column("town", sa.String(length=100), nullable=True))
    on_sqlite = op.get_context().dialect.name == "sqlite"
    if not on_sqlite:
        op.execute("create extension if not exists pg_trgm")
    for table in SEARCHED:
        if on_sqlite:
            op.execute(f"create virtual table {table} using fts5(search_text, tokenize='trigram')")
            continue
        op.execute(f"create table {table} (rowid integer primary key, search_text text not null)")
        op.execute(f"create index ix_{table} on {table} using gin (search_text gin_trgm_ops)")
    connection = op.get_bind()
    groups = connection.execute(sa.text('select id, name, null, null from "group"')).all()
    participants = connection.execute(sa.text(PARTICIPANTS)).all()
    for table, rows in zip(SEARCHED, (participants, groups), strict=True):
        texts = [{"rowid": row[0], "search_text": _text(*row[1:])} for row in rows]
        insert = sa.text(f"insert into {table} (rowid, search_text) values (:rowid, :search_text)")
        for start in range(0, len(texts), AT_ONCE):
            connection.execute(insert, texts[start : start + AT_ONCE])


def _text(name: str, postcode: str | None, authority: str | None) -> str:
    code = (postcode or "").lower()
    place = _folded(f"  {authority or ''}")
    return f"{_folded(name)}|{place} {code} {''.join(code.split())} "


def _folded(text: str) -> str:
    found = f" {text} ".translate(ASCII_LOWER)
    for written, instead in FOLDING:
        found = found.replace(written, instead)
    return found


def downgrade() -> None:
    for table in SEARCHED:
        op.execute(f"drop table {table}")
    # The extension stays: others may use it.
    with op.batch_alter_table("participant") as batch_op:
        batch_op.drop_column("town")
