// Imported into each server before its own code. Tells the load process the CPU time of the main thread.
process.on('message', (question) => {
  if (question === 'cpu') process.send!(process.threadCpuUsage())
})
// If the load process has died, the server ends too, after it has had time to close its store.
process.on('disconnect', () => setTimeout(() => process.exit(1), 5000).unref())
