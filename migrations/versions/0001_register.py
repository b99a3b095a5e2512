"""Who takes part: institutions, organisations, groups, networks, measures."""

import sqlalchemy as sa
from alembic import op

revision = "0001_register"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.CheckConstraint(
            "kind in ('country', 'region', 'local_authority', 'district')",
            name=op.f("ck_area_kind"),
        ),
        sa.PrimaryKeyConstraint("kind", "code", name=op.f("pk_area")),
    )
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_area_name"), ["name"], unique=False)

    op.create_table(
        "circumstance_rule",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("statement", sa.String(length=300), nullable=False),
        sa.Column("may_give", sa.Boolean(), nullable=False),
        sa.Column("days_percent", sa.Integer(), nullable=False),
        sa.Column("extra_allowance_half_days", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "days_percent between 0 and 100", name=op.f("ck_circumstance_rule_days_percent")
        ),
        sa.CheckConstraint(
            "extra_allowance_half_days >= 0", name=op.f("ck_circumstance_rule_extra_allowance")
        ),
        sa.CheckConstraint(
            "priority is null or priority between 1 and 5",
            name=op.f("ck_circumstance_rule_priority"),
        ),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_circumstance_rule")),
    )
    op.create_table(
        "group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("type_code", sa.String(length=4), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("companies_house_number", sa.String(length=12), nullable=True),
        sa.Column("ukprn", sa.String(length=12), nullable=True),
        sa.Column("opened", sa.Date(), nullable=True),
        sa.Column("closed", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind in ('multi_academy_trust', 'single_academy_trust', 'foundation_trust', 'federation', 'sponsor', 'other')",
            name=op.f("ck_group_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("uid", name=op.f("uq_group_uid")),
    )
    with op.batch_alter_table("group", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_group_reference"), ["reference"], unique=False)

    op.create_table(
        "import_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_batch_kind"), ["kind"], unique=False)

    op.create_table(
        "measure",
        sa.Column("urn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("text", sa.String(length=60), nullable=True),
        sa.Column("suppressed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "not suppressed or (value is null and text is null)", name=op.f("ck_measure_suppressed")
        ),
        sa.CheckConstraint("value is null or text is null", name=op.f("ck_measure_one_value")),
        sa.PrimaryKeyConstraint("urn", "name", "period", name=op.f("pk_measure")),
    )
    op.create_table(
        "network",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network")),
        sa.UniqueConstraint("key", name=op.f("uq_network_key")),
    )
    with op.batch_alter_table("network", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_network_name"), ["name"], unique=False)

    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("postcode", sa.String(length=10), nullable=True),
        sa.Column("easting", sa.Integer(), nullable=True),
        sa.Column("northing", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("local_authority_code", sa.String(length=12), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('institution', 'organisation')", name=op.f("ck_participant_kind")
        ),
        sa.CheckConstraint(
            "(latitude is null) = (longitude is null)", name=op.f("ck_participant_position_whole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("reference", name=op.f("uq_participant_reference")),
    )
    with op.batch_alter_table("participant", schema=None) as batch_op:
        batch_op.create_index(
            "ix_participant_area", ["local_authority_code", "region_code"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_participant_name"), ["name"], unique=False)

    op.create_table(
        "succession",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("predecessor_urn", sa.Integer(), nullable=False),
        sa.Column("successor_urn", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("effective", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_succession")),
        sa.UniqueConstraint(
            "predecessor_urn",
            "successor_urn",
            name=op.f("uq_succession_predecessor_urn_successor_urn"),
        ),
    )
    with op.batch_alter_table("succession", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_succession_predecessor_urn"), ["predecessor_urn"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_succession_successor_urn"), ["successor_urn"], unique=False
        )

    op.create_table(
        "circumstance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["kind"],
            ["circumstance_rule.kind"],
            name=op.f("fk_circumstance_kind_circumstance_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_circumstance_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_circumstance")),
        sa.UniqueConstraint(
            "participant_id",
            "kind",
            "starts",
            name=op.f("uq_circumstance_participant_id_kind_starts"),
        ),
    )
    with op.batch_alter_table("circumstance", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_circumstance_participant_id"), ["participant_id"], unique=False
        )

    op.create_table(
        "designation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("designated_by", sa.String(length=100), nullable=False),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_designation_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_designation")),
        sa.UniqueConstraint(
            "participant_id",
            "name",
            "starts",
            name=op.f("uq_designation_participant_id_name_starts"),
        ),
    )
    with op.batch_alter_table("designation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_designation_participant_id"), ["participant_id"], unique=False
        )

    op.create_table(
        "institution",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("urn", sa.Integer(), nullable=False),
        sa.Column("establishment_number", sa.String(length=10), nullable=True),
        sa.Column("ukprn", sa.String(length=12), nullable=True),
        sa.Column("type_code", sa.Integer(), nullable=False),
        sa.Column("type_name", sa.String(length=100), nullable=False),
        sa.Column("type_group_code", sa.Integer(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("phase_code", sa.Integer(), nullable=True),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("low_age", sa.Integer(), nullable=True),
        sa.Column("high_age", sa.Integer(), nullable=True),
        sa.Column("gender", sa.String(length=40), nullable=True),
        sa.Column("religious_character", sa.String(length=100), nullable=True),
        sa.Column("diocese", sa.String(length=100), nullable=True),
        sa.Column("admissions_policy", sa.String(length=60), nullable=True),
        sa.Column("urban_rural", sa.String(length=100), nullable=True),
        sa.Column("pupils", sa.Integer(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("free_school_meals_percent", sa.Double(), nullable=True),
        sa.Column("sen_types", sa.JSON(), nullable=False),
        sa.Column("specialist", sa.Boolean(), nullable=False),
        sa.Column("alternative_provision", sa.Boolean(), nullable=False),
        sa.Column("fee_paying", sa.Boolean(), nullable=False),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column("trust_flag", sa.Integer(), nullable=True),
        sa.Column("open_date", sa.Date(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("register_changed", sa.Date(), nullable=True),
        sa.Column("history", sa.String(length=10), nullable=False),
        sa.CheckConstraint("history in ('known', 'unknown')", name=op.f("ck_institution_history")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_institution_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_institution")),
        sa.UniqueConstraint("urn", name=op.f("uq_institution_urn")),
    )
    with op.batch_alter_table("institution", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_institution_in_scope"), ["in_scope"], unique=False)

    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("joined", sa.Date(), nullable=True),
        sa.Column("left", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["group.id"], name=op.f("fk_membership_group_id_group")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_membership_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint(
            "group_id",
            "participant_id",
            "joined",
            name=op.f("uq_membership_group_id_participant_id_joined"),
        ),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_group_id"), ["group_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_membership_participant_id"), ["participant_id"], unique=False
        )

    op.create_table(
        "network_membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["network_id"], ["network.id"], name=op.f("fk_network_membership_network_id_network")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_network_membership_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_membership")),
        sa.UniqueConstraint(
            "network_id",
            "participant_id",
            "starts",
            name=op.f("uq_network_membership_network_id_participant_id_starts"),
        ),
    )
    with op.batch_alter_table("network_membership", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_network_membership_network_id"), ["network_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_network_membership_participant_id"), ["participant_id"], unique=False
        )

    op.create_table(
        "organisation",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("group_uid", sa.Integer(), nullable=True),
        sa.Column("funded", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Date(), nullable=True),
        sa.Column("closed", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_organisation_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("key", name=op.f("uq_organisation_key")),
    )
    op.create_table(
        "area_served",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("area_kind", sa.String(length=20), nullable=False),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["organisation.participant_id"],
            name=op.f("fk_area_served_participant_id_organisation"),
        ),
        sa.PrimaryKeyConstraint(
            "participant_id", "area_kind", "area_code", name=op.f("pk_area_served")
        ),
    )


def downgrade() -> None:
    op.drop_table("area_served")
    op.drop_table("organisation")
    with op.batch_alter_table("network_membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_network_membership_participant_id"))
        batch_op.drop_index(batch_op.f("ix_network_membership_network_id"))

    op.drop_table("network_membership")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_membership_participant_id"))
        batch_op.drop_index(batch_op.f("ix_membership_group_id"))

    op.drop_table("membership")
    with op.batch_alter_table("institution", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_institution_in_scope"))

    op.drop_table("institution")
    with op.batch_alter_table("designation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_designation_participant_id"))

    op.drop_table("designation")
    with op.batch_alter_table("circumstance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_circumstance_participant_id"))

    op.drop_table("circumstance")
    with op.batch_alter_table("succession", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_succession_successor_urn"))
        batch_op.drop_index(batch_op.f("ix_succession_predecessor_urn"))

    op.drop_table("succession")
    with op.batch_alter_table("participant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_participant_name"))
        batch_op.drop_index("ix_participant_area")

    op.drop_table("participant")
    with op.batch_alter_table("network", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_network_name"))

    op.drop_table("network")
    op.drop_table("measure")
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_batch_kind"))

    op.drop_table("import_batch")
    with op.batch_alter_table("group", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_reference"))
        batch_op.drop_index(batch_op.f("ix_group_name"))

    op.drop_table("group")
    op.drop_table("circumstance_rule")
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_area_name"))

    op.drop_table("area")
