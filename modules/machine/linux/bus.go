package linux

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	systemdName    = "org.freedesktop.systemd1"
	systemdPath    = dbus.ObjectPath("/org/freedesktop/systemd1")
	systemdManager = "org.freedesktop.systemd1.Manager"
	// privateSocket is where systemd answers root without a message bus between.
	privateSocket = "unix:path=/run/systemd/private"
	busTime       = 25 * time.Second // D-Bus's usual time for an answer
)

// bus talks to systemd. The zero value connects on first use.
type bus struct {
	mu   sync.Mutex
	conn *dbus.Conn
}

// dial connects to systemd through the system bus, or to systemd itself on a node
// without one. private tells which.
func dial() (conn *dbus.Conn, private bool, err error) {
	if !booted() {
		return nil, false, fmt.Errorf("systemd: it does not run this node")
	}
	if conn, err = systemBus(); err == nil {
		return conn, false, nil
	}
	direct, errDirect := dbus.Dial(privateSocket)
	if errDirect != nil {
		return nil, false, fmt.Errorf("systemd: %w", err)
	}
	if err = login(direct); err != nil {
		return nil, false, fmt.Errorf("systemd: %w", err)
	}
	// systemd overlooks a call that arrives together with the end of the login, until
	// something else arrives.
	time.Sleep(50 * time.Millisecond)
	return direct, true, nil
}

func systemBus() (*dbus.Conn, error) {
	conn, err := dbus.SystemBusPrivate()
	if err != nil {
		return nil, err
	}
	if err := login(conn); err != nil {
		return nil, err
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// login authenticates by user id alone: a name would have to be looked up.
func login(conn *dbus.Conn) error {
	err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))})
	if err != nil {
		conn.Close()
	}
	return err
}

// connection gives the open connection. One that is lost (systemd drops all when
// it re-executes itself) is made anew, by another goroutine: a caller may be on a
// thread that cannot see the sockets (ReadOnly), and only reads of units come so.
func (b *bus) connection() (*dbus.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil && b.conn.Connected() {
		return b.conn, nil
	}
	var err error
	dialled := make(chan struct{})
	go func() {
		defer close(dialled)
		b.conn, _, err = dial()
	}()
	<-dialled
	return b.conn, err
}

func (b *bus) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		b.conn.Close()
		b.conn = nil
	}
}

// call calls a method of systemd's manager.
func (b *bus) call(ctx context.Context, method string, args ...any) *dbus.Call {
	conn, err := b.connection()
	if err != nil {
		return &dbus.Call{Err: err}
	}
	return callOn(ctx, conn, systemdPath, systemdManager+"."+method, args...)
}

func callOn(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(ctx, busTime)
	defer cancel()
	return conn.Object(systemdName, path).CallWithContext(ctx, method, 0, args...)
}

// do calls a manager method that starts a job (StartUnit, StopUnit …) and waits for
// the job's result: "done", "failed", "timeout", "dependency", "canceled",
// "skipped". It has a connection of its own, because job signals go to every
// subscriber.
func (b *bus) do(ctx context.Context, method string, args ...any) (string, error) {
	conn, private, err := dial()
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if !private {
		if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(systemdManager)); err != nil {
			return "", fmt.Errorf("systemd: %w", err)
		}
	}
	signals := make(chan *dbus.Signal, 256)
	conn.Signal(signals)
	if err := callOn(ctx, conn, systemdPath, systemdManager+".Subscribe").Err; err != nil {
		return "", fmt.Errorf("systemd: %w", err)
	}
	var job dbus.ObjectPath
	if err := callOn(ctx, conn, systemdPath, systemdManager+"."+method, args...).Store(&job); err != nil {
		return "", err
	}
	return b.jobResult(ctx, job, signals)
}

// jobResult waits for the end of a job. Beside the signal it looks from time to
// time whether the job is still there: a re-executed systemd sends no signal.
func (b *bus) jobResult(ctx context.Context, job dbus.ObjectPath, signals chan *dbus.Signal) (string, error) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for gone := 0; gone < 2; {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case sig, ok := <-signals:
			if !ok {
				signals = nil
			} else if result, ours := removed(sig, job); ours {
				return result, nil
			}
		case <-ticker.C:
			if !b.exists(ctx, job) {
				gone++
			}
		}
	}
	return "done", nil // as far as can be known; the unit's state is looked at next
}

// removed reads a JobRemoved signal: id, job, unit, result.
func removed(sig *dbus.Signal, job dbus.ObjectPath) (string, bool) {
	if sig.Name != systemdManager+".JobRemoved" || len(sig.Body) != 4 || sig.Body[1] != job {
		return "", false
	}
	result, ok := sig.Body[3].(string)
	return result, ok
}

func (b *bus) exists(ctx context.Context, job dbus.ObjectPath) bool {
	_, err := b.property(ctx, job, "Job", "State")
	return err == nil
}

// property reads one property of an object of systemd's.
func (b *bus) property(ctx context.Context, path dbus.ObjectPath, iface, name string) (dbus.Variant, error) {
	conn, err := b.connection()
	if err != nil {
		return dbus.Variant{}, err
	}
	var v dbus.Variant
	err = callOn(ctx, conn, path, "org.freedesktop.DBus.Properties.Get", systemdName+"."+iface, name).Store(&v)
	return v, err
}

// setHostname tells systemd-hostnamed, through the system bus.
func (b *bus) setHostname(ctx context.Context, name string) error {
	conn, err := systemBus()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, busTime)
	defer cancel()
	return conn.Object("org.freedesktop.hostname1", "/org/freedesktop/hostname1").
		CallWithContext(ctx, "org.freedesktop.hostname1.SetHostname", 0, name, false).Err
}
