module.exports = {apps: [{name: 'a', script: 'app.sh', uid: 'root', gid: 'root'}]};
