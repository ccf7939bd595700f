#!/bin/sh
# Builds the flex template and has Cloud Scheduler start it every day. Give PROJECT, REGION, BUCKET,
# REPOSITORY (of Artifact Registry) and ACCOUNT (a service account with roles/dataflow.developer,
# roles/dataflow.worker, roles/storage.objectAdmin and roles/iam.serviceAccountUser on itself).
set -eu
: "${PROJECT:?}" "${REGION:?}" "${BUCKET:?}" "${REPOSITORY:?}" "${ACCOUNT:?}"
here=$(dirname "$0")
images="$REGION-docker.pkg.dev/$PROJECT/$REPOSITORY"
template="gs://$BUCKET/templates/mm-emor.json"

docker build --target worker -t "$images/mm-emor:0.2.0" "$here/.."
docker build --target launcher -t "$images/mm-emor-launcher:0.2.0" "$here/.."
docker push "$images/mm-emor:0.2.0"
docker push "$images/mm-emor-launcher:0.2.0"

gcloud dataflow flex-template build "$template" --project="$PROJECT" \
  --image="$images/mm-emor-launcher:0.2.0" --sdk-language=PYTHON \
  --metadata-file="$here/flex_template.json"

# The launcher's machine takes minutes to start: the date is the day before, whenever it has.
gcloud scheduler jobs create http mm-emor-daily --project="$PROJECT" --location="$REGION" \
  --schedule="30 3 * * *" --time-zone=UTC --http-method=POST \
  --uri="https://dataflow.googleapis.com/v1b3/projects/$PROJECT/locations/$REGION/flexTemplates:launch" \
  --oauth-service-account-email="$ACCOUNT" --headers="Content-Type=application/json" \
  --message-body="{\"launchParameter\": {\"jobName\": \"mm-emor\",
    \"containerSpecGcsPath\": \"$template\",
    \"parameters\": {\"items\": \"gs://$BUCKET/tweets/{date}*.jsonl\", \"out\": \"gs://$BUCKET/emotions\",
      \"date\": \"yesterday\", \"if_done\": \"skip\"},
    \"environment\": {\"sdkContainerImage\": \"$images/mm-emor:0.2.0\",
      \"tempLocation\": \"gs://$BUCKET/temp\", \"serviceAccountEmail\": \"$ACCOUNT\"}}}"
