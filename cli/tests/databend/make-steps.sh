#!/usr/bin/env bash
# Prints the steps of a rehearsal with a real Databend: lose a table, bring it back, go on working with it.
#
#   make-steps.sh 1.2.453|1.2.895 PREFIX PYTHON
#
# One step a line: a statement; `?error` before one that must fail; `?rows …` before one that must answer just
# that; `!` before a shell command ($ENDPOINT is the bucket's, $CONN the connection to bucket1); `=== restart`
# goes on in a new process with nothing cached. Run them in an empty folder: an embedded Databend keeps its
# catalog in the working directory, and the table's prefix depends on it. PREFIX is the table's, known from a first run; PYTHON has boto3.
set -euo pipefail
release=$1 prefix=$2 python=$3
disaster="$python $(dirname "$0")/disaster.py"
amend="AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s firedrill amend s3://bucket1/$prefix --endpoint-url \$ENDPOINT --region us-east-1"
work=$(mktemp -d)
printf '[tables.default.t]\nlocation = "s3://bucket1/%s"\n' "$prefix" > "$work/lake.toml"
sql="AWS_ENDPOINT_URL=\$ENDPOINT AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s firedrill sql --catalog $work/lake.toml"

truth='6901|43231549|4502'
query='SELECT count(*), sum(id), count(DISTINCT name)'

cat <<STEPS
CREATE TABLE t(id INT NOT NULL, name STRING, amount DOUBLE, ts TIMESTAMP, tag VARIANT) 's3://bucket1/fs/' \$CONN CLUSTER BY (id) row_per_block=1000 block_per_segment=3
INSERT INTO t SELECT number, concat('name-', to_string(number)), number/7, to_timestamp(1700000000+number*60), parse_json(concat('{"k":', to_string(number%10), '}')) FROM numbers(4500)
INSERT INTO t SELECT number+10000, concat('name-', to_string(number)), number/7, to_timestamp(1700000000+number*60), NULL FROM numbers(2000)
DELETE FROM t WHERE id BETWEEN 100 AND 199
UPDATE t SET amount = amount + 1000 WHERE id BETWEEN 10000 AND 10099
ANALYZE TABLE t
INSERT INTO t SELECT number+20000, 'late', 0.5, to_timestamp(1800000000), NULL FROM numbers(500)
INSERT INTO t VALUES (999999,'last',1.5,'2024-01-01 00:00:00',NULL)
STEPS

# 1.2.453 is read cold, by another process; 1.2.895 has no way to attach, so its caches are filled with others.
attach() {
  [ "$release" = 1.2.453 ] || return 0
  echo "=== restart"
  echo "$1ATTACH TABLE $2 's3://bucket1/$prefix' \$CONN"
}
evict() {
  [ "$release" = 1.2.895 ] || return 0
  echo "CREATE TABLE IF NOT EXISTS other(n INT) 's3://bucket1/other/' \$CONN"
  for n in $(seq 300); do echo "INSERT INTO other VALUES ($n)"; done
}

cat <<STEPS
!$disaster delete $prefix
STEPS
evict
table=t
if [ "$release" = 1.2.453 ]; then
  attach "?error " gone
  table=t2
else
  echo "?error $query FROM t"
fi
cat <<STEPS
!$amend
!$amend --apply
STEPS
attach "" t2
cat <<STEPS
?rows $truth $query FROM $table
INSERT INTO $table VALUES (1000000,'after',1.5,'2024-01-01 00:00:00',NULL)
DELETE FROM $table WHERE id = 1000000
?rows $truth $query FROM $table
ANALYZE TABLE $table
OPTIMIZE TABLE $table COMPACT
?rows $truth $query FROM $table
STEPS
# Once more, by Databend's own statement.
cat <<STEPS
!$disaster delete $prefix
!test "\$($sql -e 'CALL system\$fuse_amend(default, t)')" = Ok
STEPS
attach "" t3
[ "$release" = 1.2.895 ] || table=t3
cat <<STEPS
?rows $truth $query FROM $table
INSERT INTO $table VALUES (1000000,'after',1.5,'2024-01-01 00:00:00',NULL)
DELETE FROM $table WHERE id = 1000000
STEPS
# A compaction leaves few blocks: six more, of which five are to be lost.
for n in 1 2 3 4 5 6; do echo "INSERT INTO $table VALUES ($n, 'one more', 1.5, '2024-01-01 00:00:00', NULL)"; done
cat <<STEPS
!$amend --json --report $work/plan.json >/dev/null
!$disaster delete $prefix
!$disaster purge-blocks $prefix 5 $work/plan.json $work/names.json
!$amend --apply --report $work/after.json; test \$? = 1
!$disaster report $work/after.json $work/names.json
STEPS
