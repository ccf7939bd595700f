-- The tables in BigQuery. Made from schemas/ by `python -m schemas.bigquery_ddl`; nothing here has
-- run it on BigQuery itself.
--
-- emotions: what `mm-emor score` writes, a partition for each date.
-- emotions_report: what `mm-emor report` writes, of one span.
-- The scores of a label are those of the model in the package.
--
-- To load a date's files, as often as you like, each statement replacing a partition (first run
-- `mm-emor verify gs://BUCKET/OUT`: a run that was killed may have left files beside the others):
--   python -m schemas.bigquery_ddl --load gs://BUCKET/OUT --date 2026-11-14
-- To load a report's:
--   python -m schemas.bigquery_ddl --load gs://BUCKET/OUT --report
-- They print statements such as this one:
--
--   LOAD DATA INTO `emotions`.`dead_letters_by_reason` (
--     `stage` STRING NOT NULL,
--     `reason` STRING NOT NULL,
--     `n_items` INT64 NOT NULL)
--   OVERWRITE PARTITIONS (`dt` = DATE '2026-11-14')
--   FROM FILES (format = 'PARQUET', enable_list_inference = TRUE,
--     hive_partition_uri_prefix = 'gs://BUCKET/OUT/reports/dead_letters_by_reason',
--     uris = ['gs://BUCKET/OUT/reports/dead_letters_by_reason/dt=2026-11-14/*.parquet'])
--   WITH PARTITION COLUMNS (`dt` DATE);

CREATE SCHEMA IF NOT EXISTS `emotions`;

CREATE TABLE IF NOT EXISTS `emotions`.`labels` (
  `item_id` STRING NOT NULL OPTIONS (description = "The item's id."),
  `created_at` TIMESTAMP OPTIONS (description = "When the item was posted, UTC."),
  `author_id` STRING OPTIONS (description = "Who posted it."),
  `lang` STRING OPTIONS (description = "Language tag as given, of a name its code; else as detected, if that is clear."),
  `lang_detected` BOOL NOT NULL OPTIONS (description = "Whether `lang` was detected."),
  `hashtags` ARRAY<STRING> OPTIONS (description = "Hashtags, lower case, without `#`."),
  `repost_of` STRING OPTIONS (description = "The id of the post that this one repeats, whose text and hashtags it has; null: it is no repost, or the file does not say of what."),
  `text_is_cut` BOOL NOT NULL OPTIONS (description = "Whether a program has cut the text before it came here, and the file has not the whole."),
  `warnings` ARRAY<STRING> OPTIONS (description = "What of the item was not understood, as codes of a fixed list, in order."),
  `modality` STRING NOT NULL OPTIONS (description = "What was scored: text, audio or text+audio."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion with the highest score; `uncertain` where that score is below `--min-confidence`."),
  `confidence` FLOAT64 NOT NULL OPTIONS (description = "That score, 0 to 1: a calibrated probability, unless the model's card says that it is not calibrated."),
  `scores` STRUCT<`anger` FLOAT64 NOT NULL, `disgust` FLOAT64 NOT NULL, `fear` FLOAT64 NOT NULL, `joy` FLOAT64 NOT NULL, `neutral` FLOAT64 NOT NULL, `sadness` FLOAT64 NOT NULL, `surprise` FLOAT64 NOT NULL> NOT NULL OPTIONS (description = "A calibrated probability per emotion. They sum to 1, but for those of a multi-label model, each of which stands for itself."),
  `emotions` ARRAY<STRING> OPTIONS (description = "The emotions that apply, the highest score first: of a multi-label model all with at least their threshold, or none; else the one of `emotion`. Empty where that is `uncertain`."),
  `text_emotion` STRING OPTIONS (description = "What the text alone says; only where text and audio are both there."),
  `audio_emotion` STRING OPTIONS (description = "What the audio alone says; only where text and audio are both there."),
  `disagreement` FLOAT64 OPTIONS (description = "Total variation distance of the text's and the audio's scores, 0 to 1; of a multi-label model the largest of any emotion's."),
  `n_tokens` INT64 NOT NULL OPTIONS (description = "Tokens of the text before any cut; 0 without text."),
  `truncated` BOOL NOT NULL OPTIONS (description = "Whether the text was cut at the model's limit."),
  `clip_seconds` FLOAT64 OPTIONS (description = "Length of the clip."),
  `model_version` STRING NOT NULL OPTIONS (description = "Content hash of the model that scored it."),
  `run_id` STRING NOT NULL OPTIONS (description = "Hash of the run's date, inputs, model and settings."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an item that was labelled.");

CREATE TABLE IF NOT EXISTS `emotions`.`dead_letters` (
  `item_id` STRING OPTIONS (description = "The item's id, where one could be read."),
  `stage` STRING NOT NULL OPTIONS (description = "The step that refused it: read, join, preprocess, score."),
  `reason` STRING NOT NULL OPTIONS (description = "Why, as one word of a fixed list."),
  `message` STRING NOT NULL OPTIONS (description = "Why, in a sentence that names the value and the rule."),
  `source` STRING NOT NULL OPTIONS (description = "The file and the line or row."),
  `payload` STRING OPTIONS (description = "The refused input itself, cut at 4 KiB."),
  `content_key` STRING OPTIONS (description = "Digest of the whole refused input, to tell the same one again; where texts or authors are hidden, made with the key of the authors' tokens, and null without one."),
  `run_id` STRING NOT NULL OPTIONS (description = "Hash of the run's date, inputs, model and settings."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an item, or a part of a file, that was refused.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_emotion` (
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_hour` (
  `hour` TIMESTAMP OPTIONS (description = "Start of the hour of posting, UTC; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an hour and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_day` (
  `day` DATE OPTIONS (description = "Day of posting, UTC; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a day and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_weekday` (
  `weekday` INT64 OPTIONS (description = "Day of the week of posting, UTC: 1 for Monday to 7 for Sunday; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a day of the week and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_language` (
  `lang` STRING OPTIONS (description = "Language tag; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a language and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_hashtag` (
  `hashtag` STRING NOT NULL OPTIONS (description = "Hashtag, lower case, without `#`."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a hashtag and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_author` (
  `author_id` STRING OPTIONS (description = "Who posted; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an author and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`by_modality` (
  `modality` STRING NOT NULL OPTIONS (description = "What was scored: text, audio or text+audio."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a modality and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions`.`hashtag_lift` (
  `hashtag` STRING NOT NULL OPTIONS (description = "Hashtag, lower case, without `#`."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items with this hashtag and this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items with this hashtag."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1."),
  `corpus_share` FLOAT64 NOT NULL OPTIONS (description = "The emotion's share of all items, 0 to 1."),
  `lift` FLOAT64 NOT NULL OPTIONS (description = "share / corpus_share: 2 is twice as often as elsewhere."),
  `p_value` FLOAT64 NOT NULL OPTIONS (description = "Fisher's exact test of items with the hashtag against those without; twice the smaller of its two tails."),
  `q_value` FLOAT64 NOT NULL OPTIONS (description = "p_value adjusted for all rows of the table (Benjamini and Hochberg): of the rows with at most .05, one in twenty is expected to be chance."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a hashtag and an emotion, beside the items without the hashtag.");

CREATE TABLE IF NOT EXISTS `emotions`.`disagreement` (
  `text_emotion` STRING NOT NULL OPTIONS (description = "What the text alone says."),
  `audio_emotion` STRING NOT NULL OPTIONS (description = "What the audio alone says."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items with text and audio for which they say so."),
  `mean_disagreement` FLOAT64 NOT NULL OPTIONS (description = "Their mean total variation distance, 0 to 1."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is what the text says and what the audio says, of items with both.");

CREATE TABLE IF NOT EXISTS `emotions`.`most_disagreeing` (
  `item_id` STRING NOT NULL OPTIONS (description = "The item's id."),
  `created_at` TIMESTAMP OPTIONS (description = "When the item was posted, UTC."),
  `emotion` STRING NOT NULL OPTIONS (description = "What text and audio say together, or `uncertain`."),
  `confidence` FLOAT64 NOT NULL OPTIONS (description = "The score of that emotion, 0 to 1."),
  `text_emotion` STRING NOT NULL OPTIONS (description = "What the text alone says."),
  `audio_emotion` STRING NOT NULL OPTIONS (description = "What the audio alone says."),
  `disagreement` FLOAT64 NOT NULL OPTIONS (description = "Total variation distance of the two, 0 to 1."),
  `run_id` STRING NOT NULL OPTIONS (description = "The run whose label this is."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an item whose text and audio disagree; those that disagree most, the most of them first.");

CREATE TABLE IF NOT EXISTS `emotions`.`confidence_distribution` (
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion with the highest score, or `uncertain`: here each item counts once."),
  `confidence_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the bin, 0 to 1; it lies in the bin."),
  `confidence_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the bin; only 1 lies in its bin."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of this emotion with a confidence in the bin."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is an emotion and a range of confidences.");

CREATE TABLE IF NOT EXISTS `emotions`.`groups_left_out` (
  `report` STRING NOT NULL OPTIONS (description = "Name of the table of shares."),
  `n_groups` INT64 NOT NULL OPTIONS (description = "Groups in the table."),
  `n_counted` INT64 NOT NULL OPTIONS (description = "Items of these groups; one of several groups counts once for each."),
  `n_left_out` INT64 NOT NULL OPTIONS (description = "Items of the groups that are left out."),
  `min_items` INT64 NOT NULL OPTIONS (description = "A group with fewer items is left out; above 1 also where there are too many groups to keep count of."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a table of shares that lacks groups.");

CREATE TABLE IF NOT EXISTS `emotions`.`dead_letters_by_reason` (
  `stage` STRING NOT NULL OPTIONS (description = "The step that refused the items."),
  `reason` STRING NOT NULL OPTIONS (description = "Why, as one word of a fixed list."),
  `n_items` INT64 NOT NULL OPTIONS (description = "How many items."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a step and a reason to refuse items.");

CREATE TABLE IF NOT EXISTS `emotions`.`warnings` (
  `code` STRING NOT NULL OPTIONS (description = "What was not understood, as one word of a fixed list."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Labelled items with this code; one of several counts twice."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a code of what was not understood of labelled items.");

CREATE TABLE IF NOT EXISTS `emotions`.`run_summary` (
  `date` DATE NOT NULL OPTIONS (description = "The date that the run is for."),
  `run_id` STRING NOT NULL OPTIONS (description = "Hash of the run's date, inputs, model and settings."),
  `model_version` STRING NOT NULL OPTIONS (description = "Content hash of the model."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items that came in: n_labels + n_dead."),
  `n_labels` INT64 NOT NULL OPTIONS (description = "Items that were labelled."),
  `n_dead` INT64 NOT NULL OPTIONS (description = "Items that were refused."),
  `n_text` INT64 NOT NULL OPTIONS (description = "Items labelled from text alone."),
  `n_audio` INT64 NOT NULL OPTIONS (description = "Items labelled from audio alone."),
  `n_text_audio` INT64 NOT NULL OPTIONS (description = "Items labelled from text and audio."),
  `n_reposts` INT64 NOT NULL OPTIONS (description = "Labelled items that repeat another post."),
  `first_created_at` TIMESTAMP OPTIONS (description = "When the earliest labelled item was posted, UTC; null: no item has a time."),
  `last_created_at` TIMESTAMP OPTIONS (description = "When the latest labelled item was posted, UTC; null: no item has a time."),
  `mean_confidence` FLOAT64 OPTIONS (description = "Mean confidence of the labelled items, 0 to 1; null without any."),
  `dt` DATE OPTIONS (description = "The date that the run is for, which stands in the path.")
)
PARTITION BY `dt`
OPTIONS (description = "One row is a run.");

CREATE SCHEMA IF NOT EXISTS `emotions_report`;

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_emotion` (
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_hour` (
  `hour` TIMESTAMP OPTIONS (description = "Start of the hour of posting, UTC; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is an hour and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_day` (
  `day` DATE OPTIONS (description = "Day of posting, UTC; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is a day and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_weekday` (
  `weekday` INT64 OPTIONS (description = "Day of the week of posting, UTC: 1 for Monday to 7 for Sunday; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is a day of the week and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_language` (
  `lang` STRING OPTIONS (description = "Language tag; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is a language and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_hashtag` (
  `hashtag` STRING NOT NULL OPTIONS (description = "Hashtag, lower case, without `#`."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is a hashtag and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_author` (
  `author_id` STRING OPTIONS (description = "Who posted; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is an author and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`by_modality` (
  `modality` STRING NOT NULL OPTIONS (description = "What was scored: text, audio or text+audio."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none; those that no item has are left out."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1."),
  `share_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the share's 95 % Wilson interval."),
  `share_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the share's 95 % Wilson interval."),
  `mean_confidence` FLOAT64 NOT NULL OPTIONS (description = "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their highest emotions.")
)
OPTIONS (description = "One row is a modality and an emotion.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`hashtag_lift` (
  `hashtag` STRING NOT NULL OPTIONS (description = "Hashtag, lower case, without `#`."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items with this hashtag and this emotion."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items with this hashtag."),
  `share` FLOAT64 NOT NULL OPTIONS (description = "n_items / n_group, 0 to 1."),
  `corpus_share` FLOAT64 NOT NULL OPTIONS (description = "The emotion's share of all items, 0 to 1."),
  `lift` FLOAT64 NOT NULL OPTIONS (description = "share / corpus_share: 2 is twice as often as elsewhere."),
  `p_value` FLOAT64 NOT NULL OPTIONS (description = "Fisher's exact test of items with the hashtag against those without; twice the smaller of its two tails."),
  `q_value` FLOAT64 NOT NULL OPTIONS (description = "p_value adjusted for all rows of the table (Benjamini and Hochberg): of the rows with at most .05, one in twenty is expected to be chance.")
)
OPTIONS (description = "One row is a hashtag and an emotion, beside the items without the hashtag.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`disagreement` (
  `text_emotion` STRING NOT NULL OPTIONS (description = "What the text alone says."),
  `audio_emotion` STRING NOT NULL OPTIONS (description = "What the audio alone says."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items with text and audio for which they say so."),
  `mean_disagreement` FLOAT64 NOT NULL OPTIONS (description = "Their mean total variation distance, 0 to 1.")
)
OPTIONS (description = "One row is what the text says and what the audio says, of items with both.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`most_disagreeing` (
  `item_id` STRING NOT NULL OPTIONS (description = "The item's id."),
  `created_at` TIMESTAMP OPTIONS (description = "When the item was posted, UTC."),
  `emotion` STRING NOT NULL OPTIONS (description = "What text and audio say together, or `uncertain`."),
  `confidence` FLOAT64 NOT NULL OPTIONS (description = "The score of that emotion, 0 to 1."),
  `text_emotion` STRING NOT NULL OPTIONS (description = "What the text alone says."),
  `audio_emotion` STRING NOT NULL OPTIONS (description = "What the audio alone says."),
  `disagreement` FLOAT64 NOT NULL OPTIONS (description = "Total variation distance of the two, 0 to 1."),
  `run_id` STRING NOT NULL OPTIONS (description = "The run whose label this is.")
)
OPTIONS (description = "One row is an item whose text and audio disagree; those that disagree most, the most of them first.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`confidence_distribution` (
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion with the highest score, or `uncertain`: here each item counts once."),
  `confidence_low` FLOAT64 NOT NULL OPTIONS (description = "Lower end of the bin, 0 to 1; it lies in the bin."),
  `confidence_high` FLOAT64 NOT NULL OPTIONS (description = "Upper end of the bin; only 1 lies in its bin."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of this emotion with a confidence in the bin.")
)
OPTIONS (description = "One row is an emotion and a range of confidences.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`groups_left_out` (
  `report` STRING NOT NULL OPTIONS (description = "Name of the table of shares."),
  `n_groups` INT64 NOT NULL OPTIONS (description = "Groups in the table."),
  `n_counted` INT64 NOT NULL OPTIONS (description = "Items of these groups; one of several groups counts once for each."),
  `n_left_out` INT64 NOT NULL OPTIONS (description = "Items of the groups that are left out."),
  `min_items` INT64 NOT NULL OPTIONS (description = "A group with fewer items is left out; above 1 also where there are too many groups to keep count of.")
)
OPTIONS (description = "One row is a table of shares that lacks groups.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`dead_letters_by_reason` (
  `stage` STRING NOT NULL OPTIONS (description = "The step that refused the items."),
  `reason` STRING NOT NULL OPTIONS (description = "Why, as one word of a fixed list."),
  `n_items` INT64 NOT NULL OPTIONS (description = "How many items.")
)
OPTIONS (description = "One row is a step and a reason to refuse items.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`warnings` (
  `code` STRING NOT NULL OPTIONS (description = "What was not understood, as one word of a fixed list."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Labelled items with this code; one of several counts twice.")
)
OPTIONS (description = "One row is a code of what was not understood of labelled items.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`run_summary` (
  `date` DATE NOT NULL OPTIONS (description = "The date that the run is for."),
  `run_id` STRING NOT NULL OPTIONS (description = "Hash of the run's date, inputs, model and settings."),
  `model_version` STRING NOT NULL OPTIONS (description = "Content hash of the model."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items that came in: n_labels + n_dead."),
  `n_labels` INT64 NOT NULL OPTIONS (description = "Items that were labelled."),
  `n_dead` INT64 NOT NULL OPTIONS (description = "Items that were refused."),
  `n_text` INT64 NOT NULL OPTIONS (description = "Items labelled from text alone."),
  `n_audio` INT64 NOT NULL OPTIONS (description = "Items labelled from audio alone."),
  `n_text_audio` INT64 NOT NULL OPTIONS (description = "Items labelled from text and audio."),
  `n_reposts` INT64 NOT NULL OPTIONS (description = "Labelled items that repeat another post."),
  `first_created_at` TIMESTAMP OPTIONS (description = "When the earliest labelled item was posted, UTC; null: no item has a time."),
  `last_created_at` TIMESTAMP OPTIONS (description = "When the latest labelled item was posted, UTC; null: no item has a time."),
  `mean_confidence` FLOAT64 OPTIONS (description = "Mean confidence of the labelled items, 0 to 1; null without any.")
)
OPTIONS (description = "One row is a run.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`change` (
  `measure` STRING NOT NULL OPTIONS (description = "`share` of an emotion among the labelled items, `mean_confidence` of these, `dead_letter_rate` among all items, or `jensen_shannon_distance` of the two spans' shares (base 2, 0 to 1), which is left out where items have several emotions."),
  `emotion` STRING OPTIONS (description = "The emotion of a share; else null."),
  `value` FLOAT64 NOT NULL OPTIONS (description = "The measure in this span; the distance itself."),
  `value_before` FLOAT64 NOT NULL OPTIONS (description = "In the span before; for the distance 0."),
  `shift` FLOAT64 NOT NULL OPTIONS (description = "value - value_before."),
  `shift_low` FLOAT64 OPTIONS (description = "Lower end of its 95 % interval; null for the distance."),
  `shift_high` FLOAT64 OPTIONS (description = "Upper end of its 95 % interval; null for the distance."),
  `p_value` FLOAT64 NOT NULL OPTIONS (description = "How likely chance alone shifts it so far, 0 to 1."),
  `q_value` FLOAT64 NOT NULL OPTIONS (description = "p_value adjusted for all rows of the table (Holm): the chance that any of those with at most as much is chance."),
  `alert` BOOL NOT NULL OPTIONS (description = "Whether it moved further than chance, and than `--min-shift`.")
)
OPTIONS (description = "One row is a measure of this span beside the one before.");

CREATE TABLE IF NOT EXISTS `emotions_report`.`change_by_group` (
  `report` STRING NOT NULL OPTIONS (description = "Table of shares that the group is of."),
  `group` STRING OPTIONS (description = "The group, as text; null: unknown."),
  `emotion` STRING NOT NULL OPTIONS (description = "The emotion, `uncertain`, or `no_emotion` of items of a multi-label model that have none."),
  `n_items` INT64 NOT NULL OPTIONS (description = "Items of the group with this emotion in this span."),
  `n_items_before` INT64 NOT NULL OPTIONS (description = "In the span before."),
  `n_group` INT64 NOT NULL OPTIONS (description = "Items of the group in this span."),
  `n_group_before` INT64 NOT NULL OPTIONS (description = "In the span before."),
  `contribution` FLOAT64 NOT NULL OPTIONS (description = "n_items / all items, minus the same of the span before: over groups that share no item this adds up to the shift of the emotion's share.")
)
OPTIONS (description = "One row is a group and an emotion, in this span and the one before; those that moved it most first.");
