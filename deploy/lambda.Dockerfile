# The image of the AWS Lambda function that reads films of S3; docs/how-to/aws-lambda.md says how to use it.
# Build it in the root of the repository: docker build -f deploy/lambda.Dockerfile -t pneumoscope-lambda .
FROM python:3.11-slim

WORKDIR /opt/pneumoscope
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
COPY samples samples
RUN pip install --no-cache-dir -c constraints.txt '.[s3,pacs]' awslambdaric \
    && pneumoscope info --check

# Lambda runs the function as a user without a home, on a disk that can only be read but for /tmp.
ENV HOME=/tmp
USER nobody
ENTRYPOINT ["python", "-m", "awslambdaric"]
CMD ["pneumoscope.watch.lambda_function.handler"]
