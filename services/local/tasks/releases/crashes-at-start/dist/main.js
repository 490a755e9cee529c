// A release that needs a variable that no task definition sets.
process.stdout.write(
  `${JSON.stringify({
    level: 'fatal',
    time: new Date().toISOString(),
    err: { type: 'EnvironmentError', message: 'PAYMENTS_URL: is not set' },
    message: 'the service could not start',
  })}\n`,
);
process.exitCode = 1;
