/* What migrations lock and destroy, operation by operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "plan/migration.h"

struct row {
	const char *text;
	/* each finding as "LINE[L][D][O]:HOT" (HOT "-": on no hot table), " " between */
	const char *wanted;
};

static const char *summary(struct arena *arena, const char *path, const char *text)
{
	const char *names[] = {"users", "listings", "user_profiles"};
	struct text_list hot = {names, 3, 3};
	struct migration migration;
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 16);
	migration_read(arena, path, text, strlen(text), &migration);
	for (size_t i = 0; i < migration.findings.count; i++) {
		const struct migration_finding *finding = &migration.findings.items[i];
		const char *table = migration_table(finding, &hot);

		if (finding->effects)
			buffer_add_format(&out, "%s%zu%s%s%s:%s", out.length ? " " : "",
					  finding->line,
					  finding->effects & MIGRATION_LOCKS ? "L" : "",
					  finding->effects & MIGRATION_DESTROYS ? "D" : "",
					  finding->effects & MIGRATION_OPAQUE ? "O" : "",
					  table ? table : "-");
	}
	return arena_string(arena, out.data);
}

static void check(const char *path, const char *before, const char *after, const struct row *rows,
		  size_t count)
{
	struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < count; i++) {
		const char *got = summary(&arena, path, arena_format(&arena, "%s%s%s", before,
								     rows[i].text, after));

		if (strcmp(got, rows[i].wanted) != 0)
			fail_msg("%s\n  gave '%s', wanted '%s'", rows[i].text, got,
			 rows[i].wanted);
	}
	arena_release(&arena);
}

static void test_which_files(void **state)
{
	static const struct {
		const char *path;
		enum migration_kind kind;
	} rows[] = {
		{"users/migrations/0002_x.py", MIGRATION_DJANGO},
		{"migrations/0001_x.py", MIGRATION_DJANGO},
		{"users/migrations/__init__.py", MIGRATION_NONE},
		{"users/my_migrations/x.py", MIGRATION_NONE},
		{"db/migrate/20260101_add.rb", MIGRATION_RAILS},
		{"engine/db/post_migrate/1_add.rb", MIGRATION_RAILS},
		{"lib/migrate/x.rb", MIGRATION_NONE},
		{"db/schema.rb", MIGRATION_NONE},
		{"db/migration/V2__add.sql", MIGRATION_SQL},
		{"migrations/20260101_add/up.sql", MIGRATION_SQL},
		{"sql/1.up.sql", MIGRATION_SQL},
		{"migrations/1.down.sql", MIGRATION_NONE},
		{"playbooks/locks.sql", MIGRATION_NONE},
		{"migrations/readme.md", MIGRATION_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (migration_kind(rows[i].path) != rows[i].kind)
			fail_msg("%s", rows[i].path);
}

static const struct row sql[] = {
	/* ALTER TABLE: safe forms */
	{"ALTER TABLE users ADD COLUMN nick text;", ""},
	{"alter table users add nick text null;", ""},
	{"ALTER TABLE users ADD COLUMN n int DEFAULT 0;", ""},
	{"ALTER TABLE users ADD COLUMN n int NOT NULL DEFAULT 0;", ""},
	{"ALTER TABLE users ADD COLUMN t timestamptz DEFAULT now();", ""},
	{"ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0) NOT VALID;", ""},
	{"ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (o) REFERENCES listings "
	 "NOT VALID;", ""},
	{"ALTER TABLE users VALIDATE CONSTRAINT c;", ""},
	{"ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX i;", ""},
	{"ALTER TABLE users ALTER COLUMN a SET DEFAULT 1, ALTER a DROP NOT NULL;", ""},
	{"ALTER TABLE users ALTER a SET STATISTICS 500;", ""},
	{"ALTER TABLE users DROP CONSTRAINT c;", ""},
	{"ALTER TABLE users SET (fillfactor = 70);", ""},
	{"ALTER TABLE users OWNER TO app; ALTER TABLE users ENABLE ROW LEVEL "
	 "SECURITY;", ""},
	{"ALTER TABLE users RENAME CONSTRAINT a TO b;", ""},
	{"ALTER TABLE users ADD COLUMN a numeric(10, 2), ADD COLUMN b int;", ""},
	/* ALTER TABLE: the others */
	{"ALTER TABLE users ADD COLUMN a int NOT NULL;", "1L:users"},
	{"ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid();", "1L:users"},
	{"ALTER TABLE users ADD COLUMN id bigserial;", "1L:users"},
	{"ALTER TABLE users ADD a int GENERATED ALWAYS AS (b * 2) STORED;", "1L:users"},
	{"ALTER TABLE users ADD a int UNIQUE;", "1L:users"},
	{"ALTER TABLE users ADD a int CHECK (a > 0);", "1L:users"},
	{"ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0);", "1L:users"},
	{"ALTER TABLE cold ADD FOREIGN KEY (u) REFERENCES users (id);", "1L:- 1L:users"},
	{"ALTER TABLE users ADD PRIMARY KEY (id);", "1L:users"},
	{"ALTER TABLE users ALTER COLUMN a TYPE bigint;", "1LD:users"},
	{"ALTER TABLE users ALTER a SET DATA TYPE text USING a::text;", "1LD:users"},
	{"ALTER TABLE users ALTER a SET NOT NULL;", "1L:users"},
	{"ALTER TABLE users DROP COLUMN a;", "1LD:users"},
	{"ALTER TABLE users DROP a;", "1LD:users"},
	{"ALTER TABLE users RENAME COLUMN a TO b;", "1LD:users"},
	{"ALTER TABLE users RENAME TO people;", "1LD:users"},
	{"ALTER TABLE users SET SCHEMA old;", "1LD:users"},
	{"ALTER TABLE users SET TABLESPACE fast;", "1L:users"},
	{"ALTER TABLE users SET LOGGED;", "1L:users"},
	{"ALTER TABLE users DETACH PARTITION p;", "1L:users"},
	{"ALTER TABLE users DETACH PARTITION p CONCURRENTLY;", ""},
	{"ALTER TABLE users MODIFY a bigint;", "1LD:users"},
	{"ALTER TABLE users ADD COLUMN a text,\n DROP COLUMN b;", "1LD:users"},
	/* names */
	{"ALTER TABLE IF EXISTS ONLY public.\"users\" DROP a;", "1LD:users"},
	{"ALTER TABLE Users DROP a;", "1LD:users"},
	{"ALTER TABLE old_users DROP a;", "1LD:-"},
	/* indices */
	{"CREATE INDEX i ON users (email);", "1L:users"},
	{"CREATE UNIQUE INDEX IF NOT EXISTS i ON users (email);", "1L:users"},
	{"CREATE INDEX CONCURRENTLY i ON users (email);", ""},
	{"CREATE INDEX ON cold (email);", "1L:-"},
	{"DROP INDEX index_users_on_email;", "1L:users"},
	{"DROP INDEX IF EXISTS users_email_idx, cold_idx;", "1L:users 1L:-"},
	{"DROP INDEX CONCURRENTLY users_email_idx;", ""},
	{"REINDEX TABLE users;", "1L:users"},
	{"REINDEX TABLE CONCURRENTLY users;", ""},
	{"REINDEX DATABASE shop;", "1L:users"},
	{"REINDEX INDEX users_email_idx;", "1L:users"},
	/* whole tables */
	{"DROP TABLE users, cold CASCADE;", "1LD:users 1LD:-"},
	{"TRUNCATE TABLE ONLY users;", "1LD:users"},
	{"TRUNCATE cold, listings;", "1LD:- 1LD:listings"},
	{"CLUSTER users USING users_pkey;", "1L:users"},
	{"CLUSTER;", "1L:users"},
	{"VACUUM FULL users;", "1L:users"},
	{"VACUUM (FULL, ANALYZE) users;", "1L:users"},
	{"VACUUM ANALYZE users; VACUUM users; VACUUM (FULL false) users;", ""},
	{"VACUUM FULL;", "1L:users"},
	{"LOCK TABLE users;", "1L:users"},
	{"LOCK users IN SHARE ROW EXCLUSIVE MODE;", "1L:users"},
	{"LOCK TABLE users IN ROW EXCLUSIVE MODE;", ""},
	{"LOCK TABLE cold, users IN ACCESS SHARE MODE;", ""},
	{"LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE;", ""},
	{"LOCK TABLE users IN SHARE MODE NOWAIT;", "1L:users"},
	{"REFRESH MATERIALIZED VIEW listings;", "1L:listings"},
	{"REFRESH MATERIALIZED VIEW CONCURRENTLY listings;", ""},
	/* rows */
	{"UPDATE users SET a = 1;", "1L:users"},
	{"UPDATE users SET a = 1 WHERE a IS NULL;", "1L:users"},
	{"UPDATE users SET a = 1 WHERE id = 7;", ""},
	{"DELETE FROM listings WHERE old;", "1L:listings"},
	{"INSERT INTO users (a) VALUES (1);", ""},
	/* what is new is nobody's */
	{"CREATE TABLE users (id int);\nCREATE INDEX i ON users (id);\nDROP TABLE "
	 "users;", "3D:users"},
	{"CREATE TABLE orders (u int REFERENCES users (id));", ""},
	{"CREATE TYPE t AS ENUM ('a'); ALTER TYPE t ADD VALUE 'b';", ""},
	{"ALTER TYPE t RENAME VALUE 'a' TO 'b';", "1D:-"},
	{"DROP VIEW v;", "1LD:-"},
	/* what is no statement */
	{"-- ALTER TABLE users DROP a;\n/* DROP TABLE users; /* nested */ */ SELECT "
	 "1;", ""},
	{"INSERT INTO t VALUES ('; DROP TABLE users; --');", ""},
	{"SELECT 'it''s; DROP TABLE users';", ""},
	{"CREATE FUNCTION f() RETURNS void AS $$ DROP TABLE users; $$ LANGUAGE sql;", ""},
	{"DO $$\nBEGIN\n  ALTER TABLE users DROP a;\nEND $$;", "3LD:users"},
	{"DO $do$ BEGIN IF true THEN DROP TABLE users; END IF; END $do$;", "1LD:users"},
	/* lines, sections */
	{"BEGIN;\n\nALTER TABLE users\n  DROP a;\nCOMMIT;", "3LD:users"},
	{"-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE users;", ""},
	{"-- +goose Up\nCREATE INDEX i ON users (a);\n-- +goose Down\nDROP INDEX "
	 "i;", "2L:users"},
	{"ALTER TABLE users", ""},
	{"ALTER", ""}, {"ALTER TABLE", ""}, {"DROP TABLE", ""}, {"LOCK", ""}, {"'",
	 ""}, {"$$", ""},
	{"CREATE INDEX", ""}, {"TRUNCATE", ""}, {"REINDEX (", "1L:users"}, {"VACUUM "
	 "(", ""},
};

static void test_sql(void **state)
{
	(void)state;
	check("db/migrations/1.sql", "", "", sql, sizeof(sql) / sizeof(*sql));
}

static const struct row django[] = {
	{"migrations.AddField('user', 'nick', models.TextField(null=True))", ""},
	{"migrations.AddField(model_name='user', name='n', "
	 "field=models.IntegerField(null=True, default=0))", ""},
	{"migrations.AddField(model_name='user', name='n', "
	 "field=models.IntegerField(db_default=0))", ""},
	{"migrations.AddField(model_name='user', name='t', "
	 "field=models.ManyToManyField(to='shop.Tag'))", ""},
	{"migrations.AddField(model_name='user', name='n', "
	 "field=models.IntegerField(default=0))", "5L:users"},
	{"migrations.AddField(\n model_name='user',\n name='n',\n "
	 "field=models.CharField(max_length=3),\n)", "5L:users"},
	{"migrations.AddField('user', 'o', models.ForeignKey(null=True, "
	 "to='shop.Order', on_delete=models.CASCADE))", "5L:users"},
	{"migrations.AddField('user', 'o', models.ForeignKey(null=True, "
	 "db_index=False, to='x.Y', on_delete=c))", ""},
	{"migrations.AddField('user', 's', models.SlugField(null=True))", "5L:users"},
	{"migrations.AddField('user', 's', models.TextField(null=True, "
	 "unique=True))", "5L:users"},
	{"migrations.AddField('user', 's', models.TextField(null=True, "
	 "db_index=True))", "5L:users"},
	{"migrations.AddField('user', 's', models.UUIDField(null=True, "
	 "db_default=RandomUUID()))", "5L:users"},
	{"migrations.AddField('order', 'n', models.IntegerField(default=0))", "5L:-"},
	{"migrations.AlterField('user', 'n', models.BigIntegerField())", "5LD:users"},
	{"migrations.AlterField('user', 'n', models.ManyToManyField(to='x.Y'))", ""},
	{"migrations.RemoveField('user', 'n')", "5LD:users"},
	{"migrations.RenameField('user', 'a', 'b')", "5LD:users"},
	{"migrations.RenameModel('User', 'Person')", "5LD:users"},
	{"migrations.RenameModel(old_name='UserProfile', new_name='Person')",
	 "5LD:user_profiles"},
	{"migrations.DeleteModel('User')", "5LD:users"},
	{"migrations.DeleteModel(name='Order')", "5LD:-"},
	{"migrations.AlterModelTable('user', 'people')", "5LD:users"},
	{"migrations.CreateModel(name='User', fields=[('o', "
	 "models.ForeignKey(to='x.Y'))])", ""},
	{"migrations.AddIndex('user', models.Index(fields=['a'], name='i'))", "5L:users"},
	{"AddIndexConcurrently('user', models.Index(fields=['a'], name='i'))", ""},
	{"migrations.RemoveIndex('user', 'i')", "5L:users"},
	{"RemoveIndexConcurrently('user', 'i')", ""},
	{"migrations.AddConstraint('user', models.UniqueConstraint(fields=['a'], "
	 "name='u'))", "5L:users"},
	{"AddConstraintNotValid('user', c)", ""}, {"ValidateConstraint('user', 'c')", ""},
	{"migrations.RemoveConstraint('user', 'c')", ""},
	{"migrations.AlterUniqueTogether('user', {('a', 'b')})", "5L:users"},
	{"migrations.AlterModelOptions('user', {})", ""},
	{"migrations.RunSQL('ALTER TABLE users DROP a')", "5LD:users"},
	{"migrations.RunSQL(\n\"\"\"\nSELECT 1;\nCREATE INDEX i ON users "
	 "(a);\n\"\"\",\n'DROP TABLE users')", "8L:users"},
	{"migrations.RunSQL([('UPDATE users SET a = %s', [1]), 'SELECT 1'], "
	 "reverse_sql='DROP TABLE users')", "5L:users"},
	{"migrations.RunSQL('ALTER TABLE '\n 'users ADD COLUMN '\n 'a int')", ""},
	{"migrations.RunSQL('ALTER TABLE '\n 'users DROP '\n 'a')", "5LD:users"},
	{"migrations.RunSQL(SQL, migrations.RunSQL.noop)", "2L:listings"},
	{"migrations.RunSQL(open('x.sql').read().format(1))", "5O:-"},
	{"migrations.RunSQL(elsewhere)", "5O:-"},
	{"migrations.RunPython(forward, migrations.RunPython.noop)", "5O:-"},
	{"migrations.RunPython(migrations.RunPython.noop, backward)", ""},
	{"migrations.SeparateDatabaseAndState(state_operations=["
	 "migrations.RemoveField('user', 'a')])", ""},
	{"migrations.SeparateDatabaseAndState(database_operations=["
	 "migrations.RemoveField('user', 'a')], state_operations=["
	 "migrations.DeleteModel('User')])", "5LD:users"},
	{"# migrations.DeleteModel('User')", ""}, {"migrations.DeleteModel(", "5LD:-"},
	{"migrations.AddField(", "5L:-"}, {"migrations.AddField('user'",
	 "5L:users"}, {"'''", ""},
	{"migrations.RunSQL(", ""}, {"migrations.RunPython(", ""},
	 {"migrations.AlterField('user',)", "5LD:users"},
};

static void test_django(void **state)
{
	(void)state;
	check("accounts/migrations/0007_x.py",
	      "from django.db import migrations, models\nSQL = 'CREATE INDEX i ON listings (a)'\n"
	      "class Migration(migrations.Migration):\n    operations = [\n", "\n    ]\n", django,
	      sizeof(django) / sizeof(*django));
}

static void test_django_code(void **state)
{
	static const struct row rows[] = {
		{"def f(apps, editor):\n    User = apps.get_model('accounts', 'User')\n",
		 "4L:users"},
		{"def f(apps, editor):\n    apps.get_model('accounts.UserProfile')\n\n",
		 "5L:user_profiles"},
		{"def f(apps, editor):\n    apps.get_model('accounts', 'Order')\n\n", "5L:-"},
		{"def f(apps, editor):\n    c.execute('UPDATE users SET a = 1')\n\n", "2L:users"},
		{"from .helpers import f\n\n\n", "5O:-"},
	};

	(void)state;
	check("accounts/migrations/0007_x.py", "",
	      "\noperations = [migrations.RunPython(f)]\n", rows, sizeof(rows) / sizeof(*rows));
}

static const struct row rails[] = {
	{"add_column :users, :nick, :string", ""},
	{"add_column :users, :n, :integer, default: 0, null: false", ""},
	{"add_column :users, :n, :integer, null: false", "3L:users"},
	{"add_column :users, :n, :uuid, default: -> { \"gen_random_uuid()\" }",
	 "3L:users"},
	{"add_column :users, :t, :datetime, default: -> { 'now()' }", ""},
	{"add_column :users, :n, :bigserial", "3L:users"},
	{"add_column \"users\", \"n\", :virtual, type: :int, as: 'a', stored: "
	 "true", "3L:users"},
	{"add_column :cold, :n, :integer, null: false", "3L:-"},
	{"add_index :users, :email", "3L:users"},
	{"add_index(:users, [:a, :b], unique: true)", "3L:users"},
	{"add_index :users, :email, algorithm: :concurrently", ""},
	{"add_index :users, :email,\n  unique: true,\n  algorithm: :concurrently", ""},
	{"add_index :users, :email, :algorithm => :concurrently", ""},
	{"remove_index :users, :email", "3L:users"},
	{"remove_index :users, column: :email, algorithm: :concurrently", ""},
	{"add_reference :users, :order", "3L:users"},
	{"add_reference :users, :order, index: false", ""},
	{"add_reference :users, :order, index: {algorithm: :concurrently}", ""},
	{"add_reference :cold, :user, index: false, foreign_key: true", "3L:- 3L:users"},
	{"add_reference :cold, :user, index: false, foreign_key: {validate: false}", ""},
	{"add_belongs_to :users, :order", "3L:users"},
	{"add_foreign_key :cold, :users", "3L:- 3L:users"},
	{"add_foreign_key :cold, :users, validate: false", ""},
	{"validate_foreign_key :cold, :users", ""},
	{"add_check_constraint :users, 'a > 0', name: 'c'", "3L:users"},
	{"add_check_constraint :users, 'a > 0', name: 'c', validate: false", ""},
	{"validate_check_constraint :users, name: 'c'", ""},
	{"change_column :users, :a, :bigint", "3LD:users"},
	{"change_column_null :users, :a, false", "3L:users"},
	{"change_column_null :users, :a, true", ""},
	{"change_column_default :users, :a, 1", ""},
	{"rename_column :users, :a, :b", "3LD:users"},
	{"rename_table :users, :people", "3LD:users"},
	{"remove_column :users, :a, :string", "3LD:users"},
	{"remove_columns :users, :a, :b", "3LD:users"},
	{"remove_reference :users, :a", "3LD:users"},
	{"remove_timestamps :users", "3LD:users"},
	{"add_timestamps :users", "3L:users"},
	{"add_timestamps :users, null: true", ""},
	{"drop_table :users", "3LD:users"},
	{"drop_table :users do |t|\n  t.string :a\nend", "3LD:users"},
	{"create_table :users do |t|\n  t.string :a, null: false\nend\nadd_index "
	 ":users, :a", ""},
	{"create_table :users, force: true do |t|\nend", "3LD:users"},
	{"change_table :users, bulk: true do |t|\n  t.string :a\n  t.remove :b\n  "
	 "t.index :c\n end", "5LD:users 6L:users"},
	{"change_table :users do |t|\n  t.integer :a, null: false\n  t.rename :a, "
	 ":b\n  t.change :a, :text\n end", "4L:users 5LD:users 6LD:users"},
	{"change_table(:users) { |t| t.references :order }", "3L:users"},
	{"change_table :users do |t|\n  t.change_null :a, false\n  t.references :o, "
	 "index: false\n end", "4L:users"},
	{"execute 'ALTER TABLE users DROP a'", "3LD:users"},
	{"execute <<~SQL\n  SELECT 1;\n  CREATE INDEX i ON users "
	 "(a);\nSQL\nadd_index :listings, :a", "5L:users 7L:listings"},
	{"execute(<<-SQL.squish)\n  CREATE INDEX CONCURRENTLY i ON users (a)\n  SQL", ""},
	{"execute %q(DROP TABLE users)", "3LD:users"},
	{"safety_assured { execute \"UPDATE users SET a = 1\" }", "3L:users"},
	{"execute SQL_TEXT", "3O:-"},
	{"User.update_all(a: 1)", "3L:users"},
	{"User.where(a: nil).find_each { |u| u.save! }", "3L:users"},
	{"Admin::User.where(a: nil)\n  .in_batches.update_all(a: 1)", "3L:users"},
	{"UserProfile.delete_all", "3L:user_profiles"},
	{"User.first.name", ""},
	{"reversible do |dir|\n  dir.up { drop_table :users }\n  dir.down { "
	 "drop_table :listings }\nend", "4LD:users"},
	{"reversible do |dir|\n  dir.down do\n    drop_table :listings\n  end\n  "
	 "dir.up do\n    drop_table :users\n  end\nend", "8LD:users"},
	{"# drop_table :users", ""}, {"x = a / b # ' / drop_table :users", ""},
	{"say 'drop_table :users'", ""}, {"=begin\ndrop_table :users\n=end", ""},
	{"add_index", "3L:-"}, {"change_table", ""}, {"execute", "3O:-"},
	 {"drop_table(", "3LD:-"},
	{"execute <<~SQL", ""}, {"%q(", ""}, {"change_table :users do |t|", ""},
};

static void test_rails(void **state)
{
	(void)state;
	check("db/migrate/1_x.rb", "class X < ActiveRecord::Migration[7.1]\n  def change\n",
	      "\n  end\nend\n", rails, sizeof(rails) / sizeof(*rails));
}

static void test_rails_down(void **state)
{
	static const struct row rows[] = {
		{"def up\n    add_index :users, :a\n  end\n\n  def down\n    drop_table "
		 ":users\n  end\n", "3L:users"},
		{"disable_ddl_transaction!\n  def up\n    User.in_batches.update_all(a: "
		 "1)\n  end\n", ""},
		{"def down\n    drop_table :users\n  end\n  def up\n    drop_table "
		 ":listings\n  end\n", "6LD:listings"},
	};

	(void)state;
	check("db/migrate/1_x.rb", "class X < ActiveRecord::Migration[7.1]\n  ", "end\n", rows,
	      sizeof(rows) / sizeof(*rows));
}

/* Whatever is cut off, wherever: no read beyond the end (the sanitizers look). */
static void test_torn_files(void **state)
{
	static const char *const paths[] = {"a/migrations/1.py", "db/migrate/1.rb",
	 "migrations/1.sql"};
	static const char text[] =
		"operations = [migrations.RunSQL('''ALTER TABLE \"users\" DROP a;''')]\n"
		"execute <<~SQL\n ALTER TABLE users ADD COLUMN a int DEFAULT random();\nSQL\n"
		"execute <<-'SQL'\n ALTER TABLE users DROP b;\n SQL\n"
		"change_table :users do |t|\n t.index [:a], %w[x y]\nend\n"
		"DO $x$ BEGIN LOCK TABLE users; END $x$; /* a /* b */ */ REINDEX (VERBOSE) "
		 "TABLE users;";
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t p = 0; p < 3; p++)
		for (size_t from = 0; from < sizeof(text); from++)
			for (size_t to = from; to < sizeof(text); to += 5)
				summary(&arena, paths[p],
					arena_bytes(&arena, text + from, to - from));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_files), cmocka_unit_test(test_sql),
		cmocka_unit_test(test_django), cmocka_unit_test(test_django_code),
		cmocka_unit_test(test_rails), cmocka_unit_test(test_rails_down),
		cmocka_unit_test(test_torn_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
