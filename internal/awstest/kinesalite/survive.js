// Loaded before kinesalite, which throws when a client goes in the middle of a
// request, as one that a test kills may. A server has to outlive its clients.
process.on('uncaughtException', (err) => {
  if (err.code !== 'ECONNRESET') {
    console.error(err)
    process.exit(1)
  }
})
