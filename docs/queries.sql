-- Questions to labels and reports, for DuckDB: one query each.
--
-- out/     what `mm-emor score --out out` wrote: a run for each date
-- report/  what `mm-emor report --labels out --out report` wrote: tables of a span of dates
--
-- A line `-- name: …` starts each query; its question stands below. Run from where both directories
-- lie, or put your own paths in their place. The columns are in tables.md. Times are in UTC; for
-- hours and days of your own first run: SET TimeZone = 'UTC';

-- name: angry_hashtags
-- Which hashtags are angrier than the rest, and surely so?
-- q_value is adjusted for all hashtags and emotions of the table at once: of these rows one in twenty
-- is chance. A table without rare hashtags (`mm-emor report --min-items 10`) is surer of the others.
SELECT hashtag, n_items, n_group, round(share, 3) AS share, round(lift, 2) AS lift, q_value
FROM 'report/hashtag_lift.parquet'
WHERE emotion = 'anger' AND lift > 1 AND q_value <= 0.05
ORDER BY lift DESC, hashtag;

-- name: joy_by_day
-- How did joy move from day to day?
-- `moved` is true where the day's interval does not touch that of the day before.
-- A day without joy has no row of it in by_day; the upper end of its interval is Wilson's for 0 items.
WITH joy AS (FROM 'report/by_day.parquet' WHERE emotion = 'joy'),
known AS (
    SELECT day, coalesce(n_items, 0) AS n_items, n_group, coalesce(share, 0) AS share,
        coalesce(share_low, 0) AS low, coalesce(share_high, 3.8415 / (n_group + 3.8415)) AS high
    FROM (SELECT DISTINCT day, n_group FROM 'report/by_day.parquet') LEFT JOIN joy USING (day, n_group)
    WHERE day IS NOT NULL
)
SELECT day, n_items, n_group, round(share, 4) AS share, round(low, 4) AS low,
    round(high, 4) AS high, low > lag(high) OVER days OR high < lag(low) OVER days AS moved
FROM known
WINDOW days AS (ORDER BY day)
ORDER BY day;

-- name: text_against_voice
-- Where do text and voice disagree most?
SELECT text_emotion, audio_emotion, n_items,
    round(n_items / sum(n_items) OVER (), 3) AS share_of_items,
    round(mean_disagreement, 3) AS mean_disagreement
FROM 'report/disagreement.parquet'
QUALIFY text_emotion <> audio_emotion AND n_items >= 10
ORDER BY mean_disagreement DESC, text_emotion, audio_emotion
LIMIT 10;

-- name: ironic_items
-- Which items say one thing and sound like another, and under which hashtags?
-- Joins the report to the labels; an id may stand under several dates, a run has it once.
SELECT most.item_id, label.dt, label.hashtags, most.text_emotion, most.audio_emotion,
    round(most.disagreement, 3) AS disagreement, round(label.scores.joy, 3) AS joy
FROM 'report/most_disagreeing.parquet' AS most
JOIN read_parquet('out/labels/*/*.parquet', hive_partitioning = true) AS label
    USING (item_id, run_id)
ORDER BY most.disagreement DESC, most.item_id
LIMIT 20;

-- name: what_changed
-- What moved further than chance since the span before?
SELECT measure, emotion, round(value_before, 4) AS before, round(value, 4) AS now,
    round(shift, 4) AS shift, round(shift_low, 4) AS low, round(shift_high, 4) AS high, q_value
FROM 'report/change.parquet'
WHERE alert
ORDER BY abs(shift) DESC, measure, emotion;

-- name: who_moved_it
-- Which groups moved the share that moved most?
SELECT of_group.report, of_group."group", of_group.emotion, of_group.n_items_before,
    of_group.n_items, round(of_group.contribution, 4) AS contribution
FROM 'report/change_by_group.parquet' AS of_group
WHERE of_group.emotion = (
    SELECT emotion FROM 'report/change.parquet'
    WHERE measure = 'share' ORDER BY abs(shift) DESC, emotion LIMIT 1
)
ORDER BY abs(of_group.contribution) DESC, of_group.report, of_group."group"
LIMIT 10;

-- name: kept_by_min_confidence
-- How many labels would `--min-confidence 0.5` keep, by emotion?
SELECT emotion, coalesce(sum(n_items) FILTER (confidence_low >= 0.5), 0)::BIGINT AS kept,
    sum(n_items)::BIGINT AS n_items
FROM 'report/confidence_distribution.parquet'
GROUP BY emotion
ORDER BY emotion;

-- name: refusals_by_day
-- Which part of each date's items was refused, and mostly why?
-- Reads the runs' own reports; `dt` comes from the paths.
SELECT summary.dt, summary.n_items, summary.n_dead,
    round(summary.n_dead / summary.n_items, 4) AS rate,
    arg_max(reasons.reason, (reasons.n_items, reasons.reason)) AS commonest
FROM read_parquet('out/reports/run_summary/*/*.parquet', hive_partitioning = true) AS summary
LEFT JOIN read_parquet('out/reports/dead_letters_by_reason/*/*.parquet', hive_partitioning = true)
    AS reasons USING (dt)
GROUP BY ALL
ORDER BY summary.dt;

-- name: refused_and_labelled
-- Which items were refused under one date and labelled under another?
SELECT letter.item_id, letter.dt AS refused_on, letter.reason, label.dt AS labelled_on,
    label.emotion
FROM read_parquet('out/dead_letters/*/*.parquet', hive_partitioning = true) AS letter
JOIN read_parquet('out/labels/*/*.parquet', hive_partitioning = true) AS label USING (item_id)
WHERE letter.dt <> label.dt
ORDER BY letter.item_id, letter.dt, label.dt;

-- name: fear_by_language_and_week
-- How does fear differ by language, at weekends and not?
-- A grouping that no table has, so it asks the labels themselves. `scores` holds the probability of
-- every emotion, not only of the highest.
SELECT lang, isodow(dt) > 5 AS weekend, count(*) AS n_items,
    count(*) FILTER (emotion = 'fear') AS n_fear, round(avg(scores.fear), 4) AS mean_fear
FROM read_parquet('out/labels/*/*.parquet', hive_partitioning = true)
GROUP BY ALL
ORDER BY lang NULLS LAST, weekend;

-- name: hashtags_together
-- Which two hashtags stand together most, and how many of these items are joyful?
WITH tagged AS (
    SELECT item_id, dt, emotion, unnest(list_distinct(hashtags)) AS hashtag
    FROM read_parquet('out/labels/*/*.parquet', hive_partitioning = true)
)
SELECT one.hashtag, two.hashtag AS other, count(*) AS n_items,
    count(*) FILTER (one.emotion = 'joy') AS n_joy
FROM tagged AS one JOIN tagged AS two USING (item_id, dt)
WHERE one.hashtag < two.hashtag
GROUP BY ALL
ORDER BY n_items DESC, one.hashtag, other
LIMIT 10;

-- name: how_much_is_counted
-- How much of the corpus do the tables of groups hold?
-- Groups beyond the largest are left out of a table; one that is not in `groups_left_out` has all.
SELECT report, n_groups, n_counted, n_left_out,
    round(n_counted / (n_counted + n_left_out), 4) AS counted
FROM 'report/groups_left_out.parquet'
ORDER BY report;
