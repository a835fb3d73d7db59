module.exports = {apps: [{name: 'a', script: 'app.js', env: {B: 'file'}}]};
