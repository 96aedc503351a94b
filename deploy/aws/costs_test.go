package aws

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// The prices of docs/aws.md, in US dollars, of us-east-1.
const (
	million = 1e6

	streamHour      = 0.04
	streamIn        = 0.08 // a GB
	streamOut       = 0.04
	streamRetention = 0.10 // a GB and month
	advantage       = 0.40 // of the three, at most, with On-demand Advantage
	lambdaRequests  = 0.20 / million
	lambdaGBSecond  = 0.0000133334
	s3Put           = 5 / million // and LIST
	s3Get           = 0.40 / million
	alarm           = 0.10 // a month
	dashboard       = 3
	partitioning    = 0.020 // a GB, of Firehose
	partitionObject = 5 / million
)

// What docs/aws.md assumes.
const (
	logTypes    = 100
	shrink      = 8.
	memoryGB    = 0.5
	share       = 0.29 // of a CPU
	bufferCPU   = 40   // CPU-seconds a GB of records of an event each
	packedCPU   = 18   // of log in records that are compressed as a whole
	wait        = 0.1  // seconds of an invocation
	routeRate   = 0.06 // GB of compressed log a second
	planGB      = 64. * 1048576 / 1e9
	loadGets    = 3 // of an archive file, those of COPY among them
	loadLists   = 3 // of a wake-up
	loadPuts    = 2 // of a COPY
	routeExtras = 11
)

// costs are the rows of the table for some GB a day.
type costs struct {
	shards, invocations                                                           float64
	stream, requests, waiting, working, bundles, route, files, load, loads, watch float64
	compressed, advantage                                                         float64
	firehose5, firehose1, split                                                   float64
}

func costsOf(d float64) (c costs) {
	c.shards = max(4, math.Ceil(d*1000/86400/0.5))
	c.invocations = c.shards * 86400 / 5
	perGB := streamIn + streamOut + 6*streamRetention/30
	c.stream = 24*streamHour + d*perGB
	c.requests = c.invocations * lambdaRequests
	c.waiting = c.invocations * wait * memoryGB * lambdaGBSecond
	working := func(cpu float64) float64 { return d * cpu / share * memoryGB * lambdaGBSecond }
	c.working = working(bufferCPU)
	c.bundles = c.invocations * (2*s3Put + s3Get)
	c.route = (1440 + d/shrink/routeRate) * memoryGB * lambdaGBSecond
	plans := max(1440, d/shrink/planGB)
	c.files = plans * (logTypes*2 + routeExtras) * s3Put
	c.load = 2 * 86400 * memoryGB * lambdaGBSecond
	copies := 1440. * logTypes
	c.loads = copies*(loadPuts+loadLists)*s3Put + plans*logTypes*loadGets*s3Get
	c.watch = (11*alarm + dashboard) / 30
	c.compressed = c.total() - (d-d/5)*perGB - working(bufferCPU-packedCPU)
	c.advantage = c.total() - c.stream + advantage*d*perGB
	c.firehose5, c.firehose1 = firehose(d), firehose(5*d)
	objects := max(1440*logTypes, d*1000/128)
	c.split = d*partitioning + objects*(partitionObject+s3Put)
	return c
}

func (c costs) behind() float64 {
	return c.requests + c.waiting + c.working + c.bundles + c.route + c.files + c.load + c.loads + c.watch
}

func (c costs) total() float64 { return c.stream + c.behind() }

// firehose is a day of so many billed GB, by the tiers of a month of 30 days.
func firehose(gb float64) float64 {
	month, sum := gb*30, 0.
	for _, tier := range []struct{ size, price float64 }{{500_000, 0.029}, {1_500_000, 0.025}, {math.Inf(1), 0.020}} {
		n := min(month, tier.size)
		sum += n * tier.price
		month -= n
	}
	return sum / 30
}

// The table of costs is what its prices and assumptions come to.
func TestCostsAreWhatThePricesComeTo(t *testing.T) {
	text, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	all := []costs{costsOf(10), costsOf(1000), costsOf(100_000)}
	for _, row := range []struct {
		name string
		of   func(costs) float64
	}{
		{"shards", func(c costs) float64 { return c.shards }},
		{"invocations of buffer", func(c costs) float64 { return c.invocations }},
		{"stream", func(c costs) float64 { return c.stream }},
		{"buffer: requests", func(c costs) float64 { return c.requests }},
		{"buffer: waiting", func(c costs) float64 { return c.waiting }},
		{"buffer: working", func(c costs) float64 { return c.working }},
		{"bundles", func(c costs) float64 { return c.bundles }},
		{"route", func(c costs) float64 { return c.route }},
		{"archive files, manifests, plans", func(c costs) float64 { return c.files }},
		{"load", func(c costs) float64 { return c.load }},
		{"load: S3 requests", func(c costs) float64 { return c.loads }},
		{"alarms, dashboard", func(c costs) float64 { return c.watch }},
		{"**Ikada**", costs.total},
		{"of that, without the stream", costs.behind},
		{"**Ikada, senders compress 5 : 1**", func(c costs) float64 { return c.compressed }},
		{"**Ikada, On-demand Advantage**", func(c costs) float64 { return c.advantage }},
		{"Firehose, records of 5 KB", func(c costs) float64 { return c.firehose5 }},
		{"Firehose, records of 1 KB", func(c costs) float64 { return c.firehose1 }},
		{"split by type", func(c costs) float64 { return c.split }},
		{"**Firehose, split, 5 KB**", func(c costs) float64 { return c.firehose5 + c.split }},
		{"**Firehose, split, 1 KB**", func(c costs) float64 { return c.firehose1 + c.split }},
	} {
		want := "| " + row.name + " |"
		for i, c := range all {
			figure := grouped(row.of(c), row.name)
			if row.name == "**Ikada, On-demand Advantage**" && i < 2 { // below its minimum
				figure = "–"
			}
			if strings.HasPrefix(row.name, "**") {
				figure = "**" + figure + "**"
			}
			want += " " + figure + " |"
		}
		if !strings.Contains(string(text), "\n"+want) {
			t.Errorf("docs/aws.md lacks the row\n%s", want)
		}
	}
}

// grouped writes an amount with two digits, a count without.
func grouped(v float64, name string) string {
	text := fmt.Sprintf("%.2f", v)
	if name == "shards" || name == "invocations of buffer" {
		text = fmt.Sprintf("%.0f", v)
	}
	whole, rest, fraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		whole += "." + rest
	}
	return whole
}
