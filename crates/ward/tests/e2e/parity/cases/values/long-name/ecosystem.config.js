module.exports = {apps: [{name: 'a-very-long-name-of-an-application-that-nobody-would-write-by-hand-but-a-program-might', script: 'app.js', namespace: 'production-environment'}]};
