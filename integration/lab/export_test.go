package lab

// ReadBanner lets tests outside the package ask whether sshd answers.
var ReadBanner = readBanner
