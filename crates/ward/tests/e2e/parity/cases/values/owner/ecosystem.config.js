module.exports = {apps: [{name: 'a', script: 'app.sh', uid: 'root', gid: 'root'}, {name: 'b', script: 'app.sh', user: 'root'}]};
