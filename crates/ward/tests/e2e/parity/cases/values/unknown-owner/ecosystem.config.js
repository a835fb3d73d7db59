module.exports = {apps: [{name: 'a', script: 'app.sh', uid: 'nobody-of-this-name'}]};
